package main

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestScriptSaysWhatHappensToARequest(t *testing.T) {
	b := open(t, "--https", "127.0.0.1:0", "--http2", "127.0.0.1:0", "--ca-dir", t.TempDir())
	post := func() (*http.Response, error) {
		return b.client.Post(b.ready.HTTP2+"/any", "text/plain", strings.NewReader("text"))
	}
	for _, c := range []struct {
		word     string
		answered bool
		requests int
	}{
		{"answer", true, 1}, {"internal", false, 1}, {"cancel", false, 1}, {"half", false, 1},
		{"cut", false, 1}, {"goaway_worked", false, 1},
		// What was not touched is sent again, by the library too.
		{"refused", true, 2}, {"goaway", true, 2}, {"goaway_close", true, 2},
	} {
		b.admin("POST", "/http2", `{"script": ["`+c.word+`"]}`)
		answer, err := post()
		if err == nil {
			_, err = io.ReadAll(answer.Body)
			_ = answer.Body.Close()
		}
		if (err == nil) != c.answered {
			t.Errorf("%s: %v", c.word, err)
		}
		if n := b.cloud.script.Requests; n != c.requests {
			t.Errorf("%s: %d requests", c.word, n)
		}
	}
}
