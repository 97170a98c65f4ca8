package main

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"
)

const maxBody = 64 << 20

var errGone = errors.New("nobody waits for the answer any more")

// settings may change while the cloud runs.
type settings struct {
	ListDelayMs  int64 `json:"list_delay_ms"`
	TokenSeconds int64 `json:"token_seconds"`
	PageSize     int   `json:"page_size"`
	EmptyPages   bool  `json:"empty_pages"` // every second page of a list is an empty one
}

func defaultSettings() settings {
	return settings{TokenSeconds: 3600, PageSize: 100}
}

// cloud is all of it.
type cloud struct {
	options options
	clients map[string]string
	clock   *clock
	store   store
	tokens  tokens
	plan    plan
	holds   holds
	late    arrivals
	journal journal
	stats   stats
	script  frameScript

	mutex sync.Mutex
	set   settings
	ended chan struct{} // closed by a reset: ends what waits
}

func newCloud(o options) *cloud {
	c := &cloud{options: o, clients: o.clients, clock: &clock{}, ended: make(chan struct{})}
	c.reset(false)
	return c
}

// reset is a new beginning: the same requests get the same answers again. Clients may keep the
// tokens they have.
func (c *cloud) reset(keepTokens bool) {
	c.mutex.Lock()
	close(c.ended)
	c.ended = make(chan struct{})
	c.set = c.options.settings
	c.mutex.Unlock()
	c.clock.reset(c.options.stopped)
	c.store.reset(c.options.seed)
	if !keepTokens {
		c.tokens.reset(c.options.seed)
	}
	c.plan.reset(c.options.seed)
	c.holds.release("", "")
	c.late.reset()
	c.journal.reset()
	c.stats.zero()
	c.script.reset()
}

func (c *cloud) settings() settings {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.set
}

func (c *cloud) untilReset() chan struct{} {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.ended
}

// sleep waits in the machine's time; ms less than 0: for ever. False: the client or the test
// has lost patience.
func (c *cloud) sleep(r *request, ms int64) bool {
	var over <-chan time.Time
	if ms >= 0 {
		timer := time.NewTimer(time.Duration(ms) * time.Millisecond)
		defer timer.Stop()
		over = timer.C
	}
	select {
	case <-over:
		return true
	case <-r.Context().Done():
	case <-c.untilReset():
	}
	return false
}

type connectionKey struct{}

// server serves the API; config nil: without TLS.
func (c *cloud) server(config *tls.Config) *http.Server {
	return &http.Server{
		Handler:   c,
		TLSConfig: config,
		ErrorLog:  log.New(io.Discard, "", 0), // failed handshakes are what some tests are about
		ConnState: c.stats.connection,
		ConnContext: func(ctx context.Context, connection net.Conn) context.Context {
			return context.WithValue(ctx, connectionKey{}, connection)
		},
	}
}

func (c *cloud) ServeHTTP(w http.ResponseWriter, plain *http.Request) {
	c.arrive()
	r := &request{Request: plain}
	body, err := io.ReadAll(http.MaxBytesReader(w, plain.Body, maxBody))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	r.body = body
	rule := c.plan.pick(plain.Method, plain.URL.Path)
	entry := c.journal.add(r, rule)
	c.stats.request(plain)
	if rule != nil {
		faults[rule.Fault](c, w, r, rule)
		return
	}
	a := c.serve(r)
	c.journal.answered(entry, a.status)
	if !c.holds.wait(c, r) {
		panic(http.ErrAbortHandler)
	}
	a.write(w)
}
