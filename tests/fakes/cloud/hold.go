package main

import (
	"path"
	"sync"
)

// match says which requests are meant; empty members mean all.
type match struct {
	Method string `json:"method"`
	Path   string `json:"path"` // * stands for anything but a slash
}

func (m *match) matches(method, asked string) bool {
	if m.Method != "" && m.Method != method {
		return false
	}
	if m.Path == "" || m.Path == asked {
		return true
	}
	ok, err := path.Match(m.Path, asked)
	return err == nil && ok
}

// hold keeps answers back until it is opened.
type hold struct {
	match
	Until   int `json:"until"` // opens by itself when so many have come; 0: never
	waiting int
	open    chan struct{}
}

type holds struct {
	mutex sync.Mutex
	all   []*hold
	most  int
}

func (h *holds) add(held *hold) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	held.open = make(chan struct{})
	h.all = append(h.all, held)
}

// release opens the holds of that method and path, or all where both are empty; returns how
// many answers went.
func (h *holds) release(method, path string) int {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	kept, count := []*hold{}, 0
	for _, held := range h.all {
		if (method == "" && path == "") || (method == held.Method && path == held.Path) {
			count += held.waiting
			close(held.open)
		} else {
			kept = append(kept, held)
		}
	}
	h.all = kept
	return count
}

// enter finds the hold of a request; nil: none. The last one that it waits for opens it.
func (h *holds) enter(r *request) *hold {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	for i, held := range h.all {
		if !held.matches(r.Method, r.URL.Path) {
			continue
		}
		held.waiting++
		if held.waiting > h.most {
			h.most = held.waiting
		}
		if held.waiting == held.Until {
			close(held.open)
			h.all = append(h.all[:i:i], h.all[i+1:]...)
		}
		return held
	}
	return nil
}

// wait keeps a request back; false: its client went away.
func (h *holds) wait(c *cloud, r *request) bool {
	held := h.enter(r)
	if held == nil {
		return true
	}
	select {
	case <-held.open:
		return true
	case <-r.Context().Done():
	}
	h.mutex.Lock()
	held.waiting--
	h.mutex.Unlock()
	return false
}

// count is how many wait now, and waited at most for one hold.
func (h *holds) count() (now, most int) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	for _, held := range h.all {
		now += held.waiting
	}
	return now, h.most
}
