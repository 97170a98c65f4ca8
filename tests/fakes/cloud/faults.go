package main

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// rule says which requests go wrong, and how.
type rule struct {
	Match struct {
		match
		Nth         uint64  `json:"nth"`         // only the nth that matches
		Every       uint64  `json:"every"`       // each so manieth
		Probability float64 `json:"probability"` // by the seed
	} `json:"match"`
	Fault      string            `json:"fault"`
	Applied    bool              `json:"applied"` // timeout, status: the request is done all the same
	Status     int               `json:"status"`
	Word       string            `json:"word"`        // error.status of the body
	RetryAfter json.RawMessage   `json:"retry_after"` // seconds, a text, or "+N": the date in N seconds
	Headers    map[string]string `json:"headers"`
	Count      uint64            `json:"count"` // at most so many; 0: no limit
	Ms         int64             `json:"ms"`    // delay, delay_after, late: how long; slow_drip: between two bytes
	Bytes      int64             `json:"bytes"` // huge: how many
	Seen       uint64            `json:"seen"`
	Fired      uint64            `json:"fired"`
}

// fires counts one more request and says whether it goes wrong.
func (f *rule) fires(numbers ...uint64) bool {
	f.Seen++
	m := &f.Match
	hit := (m.Nth == 0 || f.Seen == m.Nth) && (m.Every == 0 || f.Seen%m.Every == 0) &&
		(m.Probability == 0 || chance(append(numbers, f.Seen)...) < m.Probability) &&
		(f.Count == 0 || f.Fired < f.Count)
	if hit {
		f.Fired++
	}
	return hit
}

// plan is the list of rules.
type plan struct {
	mutex sync.Mutex
	seed  uint64
	rules []*rule
}

func (p *plan) reset(seed uint64) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.seed, p.rules = seed, nil
}

func (p *plan) replace(rules []*rule) error {
	for i, f := range rules {
		if _, known := faults[f.Fault]; !known && f.Fault != "reset_connect" {
			return fmt.Errorf("rules/%d: there is no fault %q", i, f.Fault)
		}
		if f.Fault == "status" && (f.Status < 200 || f.Status > 599) {
			return fmt.Errorf("rules/%d: status: 200 to 599", i)
		}
	}
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.rules = rules
	return nil
}

// first is the first rule that fires of those that apply. All that apply count.
func (p *plan) first(applies func(f *rule) bool) *rule {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	var found *rule
	for i, f := range p.rules {
		if applies(f) && f.fires(p.seed, uint64(i)) && found == nil {
			found = f
		}
	}
	return found
}

func (p *plan) pick(method, path string) *rule {
	return p.first(func(f *rule) bool {
		return f.Fault != "reset_connect" && f.Match.matches(method, path)
	})
}

func (p *plan) pickConnection() *rule {
	return p.first(func(f *rule) bool { return f.Fault == "reset_connect" })
}

// listener resets connections as soon as they come, where the plan says so.
type listener struct {
	net.Listener
	plan *plan
}

func (p *plan) listen(plain net.Listener) net.Listener { return listener{plain, p} }

func (l listener) Accept() (net.Conn, error) {
	for {
		connection, err := l.Listener.Accept()
		if err != nil || l.plan.pickConnection() == nil {
			return connection, err
		}
		abort(connection)
	}
}

// abort ends a connection by a reset.
func abort(connection net.Conn) {
	if secure, ok := connection.(*tls.Conn); ok {
		connection = secure.NetConn()
	}
	if tcp, ok := connection.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = connection.Close()
}

// fault answers a request that goes wrong.
type fault func(c *cloud, w http.ResponseWriter, r *request, f *rule)

var faults = map[string]fault{
	"timeout":      sendTimeout,
	"reset_before": sendReset(false),
	"reset_after":  sendReset(true),
	"status":       sendStatus,
	"truncate":     sendTruncated,
	"bad_json":     sendBadJSON,
	"slow_drip":    sendSlowly,
	"wrong_type":   sendWrongType,
	"duplicate":    sendTwice,
	"delay":        sendLate,
	"delay_after":  sendOld,
	"late":         sendAfterwards,
	"huge":         sendHuge,
}

// sendTimeout never answers.
func sendTimeout(c *cloud, _ http.ResponseWriter, r *request, f *rule) {
	if f.Applied {
		_ = c.serve(r)
	}
	_ = c.sleep(r, -1)
	panic(http.ErrAbortHandler)
}

// sendReset ends the connection by a reset; of HTTP/2 the stream.
func sendReset(applied bool) fault {
	return func(c *cloud, _ http.ResponseWriter, r *request, _ *rule) {
		if applied {
			_ = c.serve(r)
		}
		connection, ok := r.Context().Value(connectionKey{}).(net.Conn)
		if ok && r.ProtoMajor == 1 {
			abort(connection)
		}
		panic(http.ErrAbortHandler)
	}
}

// retryAfter is the value of the header.
func (f *rule) retryAfter() string {
	text := strings.Trim(string(f.RetryAfter), `"`)
	if seconds, err := strconv.Atoi(strings.TrimPrefix(text, "+")); err == nil && strings.HasPrefix(text, "+") {
		return time.Now().Add(time.Duration(seconds) * time.Second).UTC().Format(http.TimeFormat)
	}
	return text
}

var statusWords = map[int]string{
	400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND", 409: "ABORTED",
	429: "RESOURCE_EXHAUSTED", 500: "INTERNAL", 503: "UNAVAILABLE", 504: "DEADLINE_EXCEEDED",
}

func sendStatus(c *cloud, w http.ResponseWriter, r *request, f *rule) {
	if f.Applied {
		_ = c.serve(r)
	}
	word := f.Word
	if word == "" {
		word = statusWords[f.Status]
	}
	a := refuse(f.Status, word, "it was told to").answer(r.requestID(), nil)
	a.header = http.Header{}
	for name, value := range f.Headers {
		a.header.Set(name, value)
	}
	if after := f.retryAfter(); after != "" {
		a.header.Set("Retry-After", after)
	}
	a.write(w)
}

// whole is the answer with its body in one piece.
func (c *cloud) whole(r *request) answer {
	a := c.serve(r)
	if a.stream != nil {
		var body bytes.Buffer
		_ = a.stream(&body, func() error { return nil })
		a.stream, a.body = nil, body.Bytes()
	}
	return a
}

// sendTruncated says how long the answer is and ends in its middle.
func sendTruncated(c *cloud, w http.ResponseWriter, r *request, _ *rule) {
	a := c.whole(r)
	a.writeHead(w)
	_, _ = w.Write(a.body[:len(a.body)/2])
	w.(http.Flusher).Flush()
	panic(http.ErrAbortHandler)
}

// sendBadJSON is complete, but no JSON.
func sendBadJSON(c *cloud, w http.ResponseWriter, r *request, _ *rule) {
	a := c.whole(r)
	a.body = append(a.body[:len(a.body)/2:len(a.body)/2], "oops"...)
	a.write(w)
}

// sendSlowly sends byte by byte.
func sendSlowly(c *cloud, w http.ResponseWriter, r *request, f *rule) {
	a := c.whole(r)
	a.writeHead(w)
	for i := range a.body {
		if _, err := w.Write(a.body[i : i+1]); err != nil || !c.sleep(r, f.Ms) {
			panic(http.ErrAbortHandler)
		}
		w.(http.Flusher).Flush()
	}
}

// sendWrongType answers as a proxy in between does.
func sendWrongType(c *cloud, w http.ResponseWriter, r *request, _ *rule) {
	_ = c.serve(r)
	a := answer{status: 200, kind: "text/html", body: []byte("<html><body>Please log in.</body></html>")}
	a.write(w)
}

// sendTwice lets the request come twice, as a proxy that repeats does.
func sendTwice(c *cloud, w http.ResponseWriter, r *request, _ *rule) {
	_ = c.serve(r)
	a := c.serve(r)
	a.write(w)
}

func sendLate(c *cloud, w http.ResponseWriter, r *request, f *rule) {
	if !c.sleep(r, f.Ms) {
		panic(http.ErrAbortHandler)
	}
	a := c.serve(r)
	a.write(w)
}

// sendOld answers ms after it has looked, with what it saw then.
func sendOld(c *cloud, w http.ResponseWriter, r *request, f *rule) {
	a := c.whole(r)
	if !c.sleep(r, f.Ms) {
		panic(http.ErrAbortHandler)
	}
	a.write(w)
}

// sendAfterwards does what is asked ms of the cloud's time after its client has gone.
func sendAfterwards(c *cloud, _ http.ResponseWriter, r *request, f *rule) {
	_ = c.sleep(r, -1)
	if r.Context().Err() != nil {
		c.late.add(c.clock.now()+f.Ms, r)
	}
	panic(http.ErrAbortHandler)
}

// sendHuge sends that many bytes of JSON.
func sendHuge(_ *cloud, w http.ResponseWriter, _ *request, f *rule) {
	piece := []byte(strings.Repeat("[],", 10922))
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte("["))
	for sent := int64(0); sent < f.Bytes; sent += int64(len(piece)) {
		if _, err := w.Write(piece); err != nil {
			return
		}
	}
	_, _ = w.Write([]byte("[]]"))
}
