package main

import (
	"crypto/subtle"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"sync"
)

// tokenCanary is what every token begins with, of letters alone, so that whoever searches for tokens
// finds those he does not know.
const tokenCanary = "CanaryTokenOfTheFakeCloud"

// tokens are the ones given out that live.
type tokens struct {
	mutex   sync.Mutex
	seed    uint64
	made    uint64
	expires map[string]int64
}

func (t *tokens) reset(seed uint64) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.seed, t.made, t.expires = seed, 0, map[string]int64{}
}

func (t *tokens) mint(now, seconds int64) string {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	for token, expires := range t.expires {
		if expires <= now {
			delete(t.expires, token)
		}
	}
	t.made++
	token := tokenCanary + word(t.seed, t.made, 1) + word(t.seed, t.made, 2)
	t.expires[token] = now + seconds*1000
	return token
}

func (t *tokens) lives(token string, now int64) bool {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return now < t.expires[token]
}

// revoke ends all tokens at once.
func (t *tokens) revoke() {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.expires = map[string]int64{}
}

func oauthError(status int, word, text string) answer {
	return jsonAnswer(status, map[string]string{"error": word, "error_description": text})
}

func same(a, b string) bool {
	return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1
}

// token answers POST /oauth/token: RFC 6749, client credentials in the form.
func (c *cloud) token(r *request) answer {
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	form, err := url.ParseQuery(string(r.body))
	switch {
	case r.Method != http.MethodPost || kind != "application/x-www-form-urlencoded" || err != nil:
		return oauthError(400, "invalid_request", "a form by POST is needed")
	case form.Get("grant_type") != "client_credentials":
		return oauthError(400, "unsupported_grant_type", "grant_type is to be client_credentials")
	}
	secret, known := c.clients[form.Get("client_id")]
	if !known || !same(secret, form.Get("client_secret")) {
		return oauthError(401, "invalid_client", "the client or its secret is wrong")
	}
	seconds := c.settings().TokenSeconds
	return jsonAnswer(200, map[string]any{
		"access_token": c.tokens.mint(c.clock.now(), seconds), "token_type": "Bearer", "expires_in": seconds,
	})
}

// authorized says whether the request carries a token that lives.
func (c *cloud) authorized(r *request) bool {
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	return token != "" && c.tokens.lives(token, c.clock.now())
}
