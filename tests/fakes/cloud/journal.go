package main

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"sync"
)

const journalSize = 2000

// entry is one request as it came.
type entry struct {
	n       uint64
	request *request
	status  int
	fault   string
}

// journal keeps the last requests, in the order they came.
type journal struct {
	mutex sync.Mutex
	count uint64
	ring  [journalSize]entry
}

func (j *journal) reset() {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	j.count, j.ring = 0, [journalSize]entry{}
}

// add numbers a request and notes it; returns its number.
func (j *journal) add(r *request, f *rule) uint64 {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	j.count++
	r.n = j.count
	e := entry{n: r.n, request: r}
	if f != nil {
		e.fault = f.Fault
	}
	j.ring[r.n%journalSize] = e
	return r.n
}

func (j *journal) answered(n uint64, status int) {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	if e := &j.ring[n%journalSize]; e.n == n {
		e.status = status
	}
}

// entryView is an entry without the values of secrets.
type entryView struct {
	N       uint64            `json:"n"`
	Method  string            `json:"method"`
	Path    string            `json:"path"`
	Query   string            `json:"query,omitempty"`
	Proto   string            `json:"proto"`
	Headers map[string]string `json:"headers"`
	Body    any               `json:"body,omitempty"`
	Status  int               `json:"status,omitempty"`
	Fault   string            `json:"fault,omitempty"`
}

func headersView(header http.Header) map[string]string {
	shown := make(map[string]string, len(header))
	for name, values := range header {
		shown[strings.ToLower(name)] = strings.Join(values, ", ")
	}
	if kind, _, found := strings.Cut(shown["authorization"], " "); found {
		shown["authorization"] = kind + " ***"
	}
	return shown
}

// bodyView is JSON as it is, a form without its secret, and other bytes as a text.
func bodyView(r *request) any {
	if len(r.body) == 0 || len(r.body) > 1<<16 {
		return nil
	}
	if json.Valid(r.body) {
		return json.RawMessage(r.body)
	}
	form, err := url.ParseQuery(string(r.body))
	if err != nil || !form.Has("client_secret") {
		return string(r.body)
	}
	form.Set("client_secret", "***")
	return form
}

// since shows the requests after number n.
func (j *journal) since(n uint64, m match) []entryView {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	shown := []entryView{}
	if j.count > journalSize && n < j.count-journalSize {
		n = j.count - journalSize
	}
	for n++; n <= j.count; n++ {
		e := &j.ring[n%journalSize]
		if !m.matches(e.request.Method, e.request.URL.Path) {
			continue
		}
		shown = append(shown, entryView{
			e.n, e.request.Method, e.request.URL.Path, e.request.URL.RawQuery, e.request.Proto,
			headersView(e.request.Header), bodyView(e.request), e.status, e.fault,
		})
	}
	return shown
}
