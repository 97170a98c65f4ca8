package main

import (
	"crypto/tls"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
)

// Frames of HTTP/2, as far as they are needed to answer each request in a way that the library's
// server never would.
const (
	frameData, frameHeaders, frameReset, frameSettings, framePing, frameGoAway = 0, 1, 3, 4, 6, 7

	flagEnd, flagAck, flagEndHeaders = 1, 1, 4

	codeInternal, codeRefused, codeCancel = 2, 7, 8
)

const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// frameScript is what happens to the next requests of the address --http2, one word each.
type frameScript struct {
	mutex    sync.Mutex
	Words    []string `json:"script"`
	Requests int      `json:"requests"` // that came whole
}

// next counts a request and takes its word; without one it is answered.
func (s *frameScript) next() string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.Requests++
	if len(s.Words) == 0 {
		return "answer"
	}
	word := s.Words[0]
	s.Words = s.Words[1:]
	return word
}

func (s *frameScript) reset() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.Words, s.Requests = nil, 0
}

func adminScript(c *cloud, _ *http.Request, body []byte) (any, error) {
	var said struct {
		Script []string `json:"script"`
	}
	if err := read(body, &said); err != nil {
		return nil, err
	}
	for _, word := range said.Script {
		if streamActs[word] == nil {
			return nil, fmt.Errorf("script: there is no %q", word)
		}
	}
	c.script.mutex.Lock()
	defer c.script.mutex.Unlock()
	c.script.Words, c.script.Requests = said.Script, 0
	return done, nil
}

func adminShowScript(c *cloud, _ *http.Request, _ []byte) (any, error) {
	c.script.mutex.Lock()
	defer c.script.mutex.Unlock()
	shown, err := json.Marshal(&c.script)
	return json.RawMessage(shown), err
}

// framer is one connection; its first failure ends it.
type framer struct {
	net.Conn
	err error
}

func (f *framer) send(kind, flags byte, stream uint32, payload []byte) {
	head := [9]byte{0, byte(len(payload) >> 8), byte(len(payload)), kind, flags}
	binary.BigEndian.PutUint32(head[5:], stream)
	if f.err == nil {
		_, f.err = f.Write(append(head[:], payload...))
	}
}

func (f *framer) receive() (kind, flags byte, stream uint32, payload []byte) {
	var head [9]byte
	if _, f.err = io.ReadFull(f, head[:]); f.err == nil {
		payload = make([]byte, int(head[0])<<16|int(head[1])<<8|int(head[2]))
		_, f.err = io.ReadFull(f, payload)
	}
	return head[3], head[4], binary.BigEndian.Uint32(head[5:]) &^ (1 << 31), payload
}

func number(values ...uint32) (bytes []byte) {
	for _, v := range values {
		bytes = binary.BigEndian.AppendUint32(bytes, v)
	}
	return bytes
}

func reset(code uint32) func(f *framer, stream uint32) {
	return func(f *framer, stream uint32) { f.send(frameReset, 0, stream, number(code)) }
}

// goAway says up to which stream it has worked, and goes.
func goAway(back uint32, closes bool) func(f *framer, stream uint32) {
	return func(f *framer, stream uint32) {
		last := uint32(0)
		if stream > back {
			last = stream - back
		}
		f.send(frameGoAway, 0, 0, number(last, 0))
		if closes {
			f.err = io.EOF
		}
	}
}

// streamActs are what may happen to a request.
var streamActs = map[string]func(f *framer, stream uint32){
	"answer": func(f *framer, stream uint32) { // 0x88 is ":status: 200"
		f.send(frameHeaders, flagEnd|flagEndHeaders, stream, []byte{0x88})
	},
	"half": func(f *framer, stream uint32) { // the head of an answer, and no more
		f.send(frameHeaders, flagEndHeaders, stream, []byte{0x88})
		reset(codeRefused)(f, stream)
	},
	"refused":       reset(codeRefused),
	"internal":      reset(codeInternal),
	"cancel":        reset(codeCancel),
	"goaway":        goAway(2, false),
	"goaway_close":  goAway(2, true),
	"goaway_worked": goAway(0, true),
	"cut":           func(f *framer, _ uint32) { f.err = io.EOF },
}

// serveFrames answers the requests of one connection by the script.
func (c *cloud) serveFrames(connection net.Conn) {
	defer func() { _ = connection.Close() }()
	f := &framer{Conn: connection}
	if _, err := io.ReadFull(f, make([]byte, len(preface))); err != nil {
		return
	}
	f.send(frameSettings, 0, 0, nil)
	for f.err == nil {
		kind, flags, stream, payload := f.receive()
		switch {
		case f.err != nil:
		case kind == frameSettings && flags&flagAck == 0:
			f.send(frameSettings, flagAck, 0, nil)
		case kind == framePing && flags&flagAck == 0:
			f.send(framePing, flagAck, 0, payload)
		case (kind == frameHeaders || kind == frameData) && flags&flagEnd != 0:
			streamActs[c.script.next()](f, stream)
		}
	}
}

// listenFrames serves HTTP/2 by the script; "-" is no address.
func (c *cloud) listenFrames(address string, config *tls.Config) (string, error) {
	if address == "-" {
		return "", nil
	}
	config = config.Clone()
	config.NextProtos = []string{"h2"}
	listener, err := tls.Listen("tcp", address, config)
	if err != nil {
		return "", err
	}
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go c.serveFrames(connection)
		}
	}()
	return "https://" + listener.Addr().String(), nil
}
