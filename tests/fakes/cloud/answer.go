package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// request is one that came, with its body read.
type request struct {
	*http.Request
	body []byte
	n    uint64 // its number
	came int64  // when, in the cloud's time, if it was late; else 0
}

// answer is what is to be sent; where stream is set, it writes the body.
type answer struct {
	status int
	header http.Header
	kind   string
	body   []byte
	stream func(w io.Writer, flush func() error) error
}

// refusal is an error of the API.
type refusal struct {
	status  int
	word    string
	message string
}

func refuse(status int, word, message string) *refusal {
	return &refusal{status, word, message}
}

func jsonAnswer(status int, v any) answer {
	body, err := json.Marshal(v)
	if err != nil {
		return answer{status: 500, kind: "text/plain", body: []byte(err.Error())}
	}
	return answer{status: status, kind: "application/json; charset=utf-8", body: body}
}

func (r *refusal) answer(requestID string, more map[string]any) answer {
	body := map[string]any{"error": map[string]any{
		"code": r.status, "status": r.word, "message": r.message, "requestId": requestID,
	}}
	for name, value := range more {
		body[name] = value
	}
	a := jsonAnswer(r.status, body)
	if r.status == http.StatusUnauthorized {
		a.header = http.Header{"Www-Authenticate": {`Bearer error="invalid_token"`}}
	}
	return a
}

func (a *answer) writeHead(w http.ResponseWriter) {
	for name, values := range a.header {
		w.Header()[name] = values
	}
	if a.kind != "" {
		w.Header().Set("Content-Type", a.kind)
	}
	if a.stream == nil {
		w.Header().Set("Content-Length", fmt.Sprint(len(a.body)))
	}
	w.WriteHeader(a.status)
}

// write sends all of it, as it should be.
func (a *answer) write(w http.ResponseWriter) {
	a.writeHead(w)
	if a.stream == nil {
		_, _ = w.Write(a.body)
		return
	}
	flush := func() error {
		w.(http.Flusher).Flush()
		return nil
	}
	if a.stream(w, flush) != nil {
		panic(http.ErrAbortHandler)
	}
}
