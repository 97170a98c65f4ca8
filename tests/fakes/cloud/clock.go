package main

import (
	"sync"
	"time"
)

// clock is the cloud's own time: it runs with the machine's, or stands still, and can be put
// forward. Milliseconds since 1970.
type clock struct {
	mutex   sync.Mutex
	forward int64
	stopped bool
	stood   int64 // the machine's time when it was stopped
}

func (c *clock) reset(stopped bool) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.forward, c.stopped, c.stood = 0, stopped, time.Now().UnixMilli()
}

func (c *clock) now() int64 {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.stopped {
		return c.stood + c.forward
	}
	return time.Now().UnixMilli() + c.forward
}

func (c *clock) advance(ms int64) int64 {
	c.mutex.Lock()
	c.forward += ms
	c.mutex.Unlock()
	return c.now()
}

func (c *clock) stop(stopped bool) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	machine := time.Now().UnixMilli()
	if stopped && !c.stopped {
		c.stood = machine
	}
	if !stopped && c.stopped {
		c.forward += c.stood - machine // goes on from where it stood
	}
	c.stopped = stopped
}

// timeText is a time as the API writes it; 0 is none.
func timeText(ms int64) string {
	if ms == 0 {
		return ""
	}
	return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z")
}
