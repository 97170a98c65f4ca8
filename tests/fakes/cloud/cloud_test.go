package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"
)

// bench is a running cloud and one client of it.
type bench struct {
	t      *testing.T
	cloud  *cloud
	ready  ready
	base   string
	client *http.Client
	token  string
}

// open starts a cloud with the flags given; its clock stands still.
func open(t *testing.T, flags ...string) *bench {
	t.Helper()
	o, err := parseOptions(append([]string{"--clock-stopped", "--https", "-"}, flags...))
	if err != nil {
		t.Fatal(err)
	}
	c, said, err := start(o)
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, cloud: c, ready: said, base: said.HTTP, client: &http.Client{Transport: &http.Transport{}}}
	if said.CAFile != "" {
		b.base = said.HTTPS
		b.client = b.trusting(true)
	}
	t.Cleanup(b.client.CloseIdleConnections)
	return b
}

func openTLS(t *testing.T) *bench {
	return open(t, "--https", "127.0.0.1:0", "--ca-dir", t.TempDir())
}

// trusting is a client that trusts the cloud's authority.
func (b *bench) trusting(h2 bool) *http.Client {
	authority, err := os.ReadFile(b.ready.CAFile)
	if err != nil {
		b.t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(authority)
	return &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: h2,
	}}
}

// anything is any JSON object.
type anything = map[string]any

// call sends one request; headers are name, value …
func (b *bench) call(method, path, body string, headers ...string) (int, anything, error) {
	r, err := http.NewRequest(method, b.base+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	if b.token != "" {
		r.Header.Set("Authorization", "Bearer "+b.token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	answer, err := b.client.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return answer.StatusCode, nil, err
	}
	v := anything{"text": string(text), "type": answer.Header.Get("Content-Type"), "after": answer.Header.Get("Retry-After")}
	err = json.Unmarshal(text, &v)
	if answer.Header.Get("Content-Type") != "application/json; charset=utf-8" {
		err = nil
	}
	return answer.StatusCode, v, err
}

// want is a call that must be answered with that status.
func (b *bench) want(status int, method, path, body string, headers ...string) anything {
	b.t.Helper()
	got, v, err := b.call(method, path, body, headers...)
	if err != nil || got != status {
		b.t.Fatalf("%s %s: %d %v %v, not %d", method, path, got, v, err, status)
	}
	return v
}

func (b *bench) login() *bench {
	b.t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {"davit"}, "client_secret": {"davit-secret"}}
	b.token = ""
	v := b.want(200, "POST", "/oauth/token", form.Encode(), "Content-Type", "application/x-www-form-urlencoded")
	b.token = v["access_token"].(string)
	return b
}

// admin asks the test's own interface.
func (b *bench) admin(method, path, body string) anything {
	b.t.Helper()
	r, _ := http.NewRequest(method, b.ready.Admin+path, strings.NewReader(body))
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer answer.Body.Close()
	v := anything{}
	if err := json.NewDecoder(answer.Body).Decode(&v); err != nil || answer.StatusCode != 200 {
		b.t.Fatalf("%s %s: %d %v", method, path, answer.StatusCode, err)
	}
	return v
}

func text(v any) string {
	line, _ := json.Marshal(v)
	return string(line)
}

func statusOf(v anything) string { return v["error"].(anything)["status"].(string) }

func TestAJobMovesWithTheCloudsClock(t *testing.T) {
	b := open(t).login()
	id := b.want(200, "POST", "/v1/jobs", `{"pending_ms":1000,"run_ms":2000}`)["id"].(string)
	for _, step := range []struct {
		ms    string
		state string
	}{{"0", "PENDING"}, {"999", "PENDING"}, {"1", "RUNNING"}, {"1999", "RUNNING"}, {"1", "SUCCEEDED"}} {
		b.admin("POST", "/clock", `{"advance_ms":`+step.ms+`}`)
		if got := b.want(200, "GET", "/v1/jobs/"+id, "")["state"]; got != step.state {
			t.Fatalf("after %s ms: %v, not %s", step.ms, got, step.state)
		}
	}
}

func TestAJobFailsAndIsCancelledAsItWasTold(t *testing.T) {
	b := open(t).login()
	failed := b.want(200, "POST", "/v1/jobs", `{"run_ms":0,"error":"no memory"}`)
	if failed["state"] != "FAILED" || failed["error"].(anything)["message"] != "no memory" {
		t.Fatal(failed)
	}
	id := b.want(200, "POST", "/v1/jobs", `{"run_ms":-1,"cancel_ms":10}`)["id"].(string)
	b.want(409, "DELETE", "/v1/jobs/"+id, "")
	if v := b.want(200, "POST", "/v1/jobs/"+id+":cancel", ""); v["state"] != "CANCELLING" {
		t.Fatal(v)
	}
	b.admin("POST", "/clock", `{"advance_ms":10}`)
	if v := b.want(200, "GET", "/v1/jobs/"+id, ""); v["state"] != "CANCELLED" || v["endTime"] == nil {
		t.Fatal(v)
	}
	b.want(409, "POST", "/v1/jobs/"+id+":cancel", "")
	b.want(200, "DELETE", "/v1/jobs/"+id, "")
	b.want(404, "GET", "/v1/jobs/"+id, "")
}

func TestATokenMakesOneObject(t *testing.T) {
	b := open(t).login()
	first := b.want(200, "POST", "/v1/jobs", `{"run_ms":1}`, "Idempotency-Token", "t1")
	again := b.want(200, "POST", "/v1/jobs", `{"run_ms":1}`, "Idempotency-Token", "t1")
	if first["id"] != again["id"] {
		t.Fatal(first, again)
	}
	v := b.want(409, "POST", "/v1/jobs", `{"run_ms":2}`, "Idempotency-Token", "t1")
	if statusOf(v) != "IDEMPOTENCY_TOKEN_REUSED" {
		t.Fatal(v)
	}
}

func TestANameMakesOneObjectAndTheRefusalShowsIt(t *testing.T) {
	b := open(t).login()
	b.want(200, "POST", "/v1/jobs", `{"name":"n1","labels":{"by":"me"}}`)
	v := b.want(409, "POST", "/v1/jobs", `{"name":"n1"}`)
	if statusOf(v) != "ALREADY_EXISTS" || v["existing"].(anything)["labels"].(anything)["by"] != "me" {
		t.Fatal(v)
	}
	b.want(400, "POST", "/v1/jobs", `{"name":"Not so"}`)
	b.want(400, "POST", "/v1/jobs", `{"nmae":"n1"}`)
}

func TestAnIDMayHaveAnyBytes(t *testing.T) {
	b := open(t).login()
	v := b.want(404, "GET", "/v1/jobs/..%2Fmodels%3Fx", "")
	if v["error"].(anything)["message"] != "there is no jobs/../models?x" {
		t.Fatal(v)
	}
}

func TestListsLearnLate(t *testing.T) {
	b := open(t, "--list-delay-ms", "500").login()
	id := b.want(200, "POST", "/v1/jobs", `{"labels":{"s":"1"},"run_ms":0}`)["id"].(string)
	find := func() int { return len(b.want(200, "GET", "/v1/jobs?label=s:1", "")["jobs"].([]any)) }
	if find() != 0 {
		t.Fatal("it shows at once")
	}
	b.want(200, "GET", "/v1/jobs/"+id, "")
	b.admin("POST", "/clock", `{"advance_ms":500}`)
	if find() != 1 {
		t.Fatal("it does not show")
	}
	b.want(200, "DELETE", "/v1/jobs/"+id, "")
	if find() != 1 {
		t.Fatal("it is gone from lists at once")
	}
	b.admin("POST", "/clock", `{"advance_ms":500}`)
	if find() != 0 {
		t.Fatal("it stays in lists")
	}
}

// pages reads a whole list and returns the ids and how many pages it came in.
func (b *bench) pages(query string) (ids []string, pages int) {
	token := ""
	for {
		v := b.want(200, "GET", "/v1/jobs?"+query+"&pageToken="+url.QueryEscape(token), "")
		pages++
		for _, item := range v["jobs"].([]any) {
			ids = append(ids, item.(anything)["id"].(string))
		}
		if v["nextPageToken"] == nil {
			return ids, pages
		}
		token = v["nextPageToken"].(string)
	}
}

func TestPagesHoldEachObjectOnce(t *testing.T) {
	b := open(t).login()
	for i := 0; i < 25; i++ {
		b.want(200, "POST", "/v1/jobs", `{"labels":{"odd":"`+string(rune('0'+i%2))+`"}}`)
	}
	for _, empty := range []string{"false", "true"} {
		b.admin("POST", "/settings", `{"empty_pages":`+empty+`}`)
		seen := map[string]bool{}
		ids, pages := b.pages("pageSize=10")
		for _, id := range ids {
			seen[id] = true
		}
		if len(ids) != 25 || len(seen) != 25 || (pages == 3) == (empty == "true") {
			t.Fatal(len(ids), len(seen), pages, empty)
		}
	}
	if ids, _ := b.pages("pageSize=5&label=odd:1"); len(ids) != 12 {
		t.Fatal(ids)
	}
	token := b.want(200, "GET", "/v1/jobs?pageSize=5", "")["nextPageToken"].(string)
	b.want(400, "GET", "/v1/jobs?pageSize=5&label=odd:1&pageToken="+token, "")
	b.want(400, "GET", "/v1/jobs?pageToken=%21", "")
}

func TestTokensAreCheckedAndExpire(t *testing.T) {
	b := open(t, "--token-seconds", "60")
	b.want(401, "GET", "/v1/jobs", "")
	b.login().want(200, "GET", "/v1/jobs", "")
	b.admin("POST", "/clock", `{"advance_ms":60000}`)
	if v := b.want(401, "GET", "/v1/jobs", ""); statusOf(v) != "UNAUTHENTICATED" {
		t.Fatal(v)
	}
	b.login().want(200, "GET", "/v1/jobs", "")
	b.admin("POST", "/reset", `{"keep_tokens":true}`)
	b.want(200, "GET", "/v1/jobs", "")
	b.admin("POST", "/tokens", "")
	b.want(401, "GET", "/v1/jobs", "")
	form := "grant_type=client_credentials&client_id=davit&client_secret=wrong"
	b.want(401, "POST", "/oauth/token", form, "Content-Type", "application/x-www-form-urlencoded")
	b.want(400, "POST", "/oauth/token", form)
}

func TestAModelIsDeployedAndPredicts(t *testing.T) {
	b := open(t).login()
	b.want(200, "POST", "/v1/models", `{"name":"m","run_ms":0}`)
	b.want(200, "POST", "/v1/endpoints", `{"name":"e","run_ms":0}`)
	b.want(404, "POST", "/v1/endpoints/e:deploy", `{"model":"none"}`)
	b.want(409, "POST", "/v1/endpoints/e:predict", `{"instances":[1]}`)
	b.want(200, "POST", "/v1/endpoints/e:deploy", `{"id":"d1","model":"m","run_ms":100}`)
	b.want(409, "POST", "/v1/endpoints/e:deploy", `{"id":"d1","model":"m"}`)
	b.want(409, "POST", "/v1/endpoints/e:predict", `{"instances":[1]}`)
	b.admin("POST", "/clock", `{"advance_ms":100}`)
	v := b.want(200, "POST", "/v1/endpoints/e:predict", `{"instances":[{"x":1},2]}`)
	if text(v["predictions"]) != `[{"x":1},2]` || v["deployedModelId"] != "d1" || v["model"] != "m" {
		t.Fatal(v)
	}
	if v := b.want(200, "POST", "/v1/endpoints/e:explain", `{"instances":[2]}`); len(v["explanations"].([]any)) != 1 {
		t.Fatal(v)
	}
	v = b.want(200, "POST", "/v1/endpoints/e:streamPredict", `{"instances":[1,2]}`)
	if v["type"] != "text/event-stream" || v["text"] != "data: {\"prediction\":1}\n\ndata: {\"prediction\":2}\n\n" {
		t.Fatal(v)
	}
	b.want(409, "DELETE", "/v1/endpoints/e", "")
	b.want(200, "POST", "/v1/endpoints/e:undeploy", `{"id":"d1"}`)
	b.want(404, "POST", "/v1/endpoints/e:undeploy", `{"id":"d1"}`)
	b.want(200, "DELETE", "/v1/endpoints/e", "")
}

func TestALogGrowsAndIsReadFromAnOffset(t *testing.T) {
	b := open(t).login()
	b.want(200, "POST", "/v1/jobs", `{"name":"j","run_ms":100,"log_lines":2,"log_text":"{secret of davit}"}`)
	b.admin("POST", "/clock", `{"advance_ms":50}`)
	if v := b.want(200, "GET", "/v1/jobs/j/log", ""); v["text"] != "davit-secret\nstep 1 of 2\n" {
		t.Fatal(v)
	}
	b.admin("POST", "/clock", `{"advance_ms":50}`)
	if v := b.want(200, "GET", "/v1/jobs/j/log?offset=25", ""); v["text"] != "step 2 of 2\n" {
		t.Fatal(v)
	}
}

func TestTheJournalHidesSecrets(t *testing.T) {
	b := open(t).login()
	b.want(200, "POST", "/v1/jobs", `{"displayName":"x"}`)
	said := text(b.admin("GET", "/requests", ""))
	if strings.Contains(said, "davit-secret") || strings.Contains(said, b.token) {
		t.Fatal(said)
	}
	for _, part := range []string{`"client_secret":["***"]`, `"authorization":"Bearer ***"`, `"displayName":"x"`, `"status":200`} {
		if !strings.Contains(said, part) {
			t.Fatal(part, said)
		}
	}
	if got := b.admin("GET", "/requests?since=1&path=/v1/*", "")["requests"].([]any); len(got) != 1 {
		t.Fatal(got)
	}
}

func TestItEndsWithItsInput(t *testing.T) {
	in, feed := io.Pipe()
	var out bytes.Buffer
	ended := make(chan error)
	go func() { ended <- run([]string{"--ca-dir", t.TempDir()}, in, &out) }()
	_ = feed.Close()
	select {
	case err := <-ended:
		var said ready
		if err != nil || json.Unmarshal(out.Bytes(), &said) != nil || said.HTTPS == "" || said.Admin == "" {
			t.Fatal(err, out.String())
		}
	case <-time.After(time.Minute):
		t.Fatal("it goes on")
	}
}
