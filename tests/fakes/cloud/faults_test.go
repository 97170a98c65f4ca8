package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

func (b *bench) plan(rules string) { b.t.Helper(); b.admin("POST", "/faults", `{"rules":[`+rules+`]}`) }

func (b *bench) jobs() int {
	b.t.Helper()
	return len(b.admin("GET", "/objects", "")["jobs"].([]any))
}

const submit = `"match":{"method":"POST","path":"/v1/jobs"}`

// Every fault of a submit: what its client sees, and how many objects there are then.
func TestEachFaultDoesWhatItsNameSays(t *testing.T) {
	is := func(kind error) func(int, anything, error) bool {
		return func(_ int, _ anything, err error) bool { return errors.Is(err, kind) }
	}
	late := func(_ int, _ anything, err error) bool {
		var timeout net.Error
		return errors.As(err, &timeout) && timeout.Timeout()
	}
	status := func(want int) func(int, anything, error) bool {
		return func(got int, _ anything, err error) bool { return got == want && err == nil }
	}
	for _, one := range []struct {
		rule string
		seen func(status int, v anything, err error) bool
		made int
	}{
		{`"fault":"reset_before"`, is(syscall.ECONNRESET), 0},
		{`"fault":"reset_after"`, is(syscall.ECONNRESET), 1},
		{`"fault":"timeout"`, late, 0},
		{`"fault":"timeout","applied":true`, late, 1},
		{`"fault":"status","status":500`, status(500), 0},
		{`"fault":"status","status":500,"applied":true`, status(500), 1},
		{`"fault":"truncate"`, is(io.ErrUnexpectedEOF), 1},
		{`"fault":"bad_json"`, func(got int, _ anything, err error) bool { return got == 200 && err != nil }, 1},
		{`"fault":"slow_drip"`, status(200), 1},
		{`"fault":"wrong_type"`, func(_ int, v anything, _ error) bool { return v["type"] == "text/html" }, 1},
		{`"fault":"duplicate"`, status(200), 2},
		{`"fault":"delay","ms":5`, status(200), 1},
		{`"fault":"delay_after","ms":5`, status(200), 1},
		{`"fault":"huge","bytes":100000`, func(_ int, v anything, _ error) bool { return len(v["text"].(string)) > 100000 }, 0},
	} {
		for _, make := range []func(*testing.T) *bench{func(t *testing.T) *bench { return open(t) }, openTLS} {
			b := make(t).login()
			if strings.Contains(one.rule, "timeout") {
				b.client.Timeout = 100 * time.Millisecond
			}
			b.plan(`{` + submit + `,` + one.rule + `}`)
			got, v, err := b.call("POST", "/v1/jobs", `{"displayName":"x"}`)
			h2 := strings.HasPrefix(b.base, "https") && err != nil && strings.Contains(err.Error(), "stream error")
			if !h2 && !one.seen(got, v, err) { // there the stream is reset
				t.Errorf("%s %s: %d %v %v", b.base, one.rule, got, v, err)
			}
			if b.jobs() != one.made {
				t.Errorf("%s %s: %d objects, not %d", b.base, one.rule, b.jobs(), one.made)
			}
		}
	}
}

func TestAnAnswerMayBeOldWhenItComes(t *testing.T) {
	b := open(t).login()
	b.admin("POST", "/clock", `{"stopped":false}`)
	b.admin("POST", "/settings", `{"list_delay_ms":1000}`)
	b.want(200, "POST", "/v1/jobs", `{"displayName":"x"}`)
	b.plan(`{"match":{"method":"GET"},"fault":"delay_after","ms":1100,"count":1}`)
	for _, want := range []int{0, 1} {
		if seen := b.want(200, "GET", "/v1/jobs", "")["jobs"].([]any); len(seen) != want {
			t.Errorf("the list shows %d objects, not %d", len(seen), want)
		}
	}
}

func TestAConnectionCanBeResetBeforeAnythingIsRead(t *testing.T) {
	b := open(t).login()
	b.client.CloseIdleConnections()
	b.plan(`{"fault":"reset_connect","count":1}`)
	if _, _, err := b.call("POST", "/v1/jobs", `{}`); err == nil {
		t.Fatal("it was answered")
	}
	b.want(200, "POST", "/v1/jobs", `{}`)
	if b.jobs() != 1 {
		t.Fatal("the reset request was done")
	}
}

func TestALateRequestArrivesAfterItsClientHasGone(t *testing.T) {
	for _, make := range []func(*testing.T) *bench{func(t *testing.T) *bench { return open(t) }, openTLS} {
		b := make(t).login()
		late := func() float64 { return b.admin("GET", "/stats", "")["late"].(float64) }
		b.client.Timeout = 100 * time.Millisecond
		b.plan(`{` + submit + `,"fault":"late","ms":5000,"count":1}`)
		if _, _, err := b.call("POST", "/v1/jobs", `{"displayName":"x"}`); err == nil {
			t.Fatal("it was answered")
		}
		for begun := time.Now(); late() == 0; time.Sleep(time.Millisecond) {
			if time.Since(begun) > 10*time.Second {
				t.Fatal("it is not on its way")
			}
		}
		b.want(200, "POST", "/v1/jobs", `{"displayName":"y"}`)
		b.admin("POST", "/clock", `{"advance_ms":4999}`)
		if b.jobs() != 1 {
			t.Fatal("it arrived early")
		}
		b.admin("POST", "/clock", `{"advance_ms":1}`)
		if b.jobs() != 2 || late() != 0 {
			t.Fatal("it did not arrive")
		}
	}
}

func TestWhatALateRequestMakesIsAsOldAsItIs(t *testing.T) {
	b := open(t).login()
	b.admin("POST", "/settings", `{"list_delay_ms":1000}`)
	b.client.Timeout = 100 * time.Millisecond
	b.plan(`{` + submit + `,"fault":"late","ms":5000,"count":1}`)
	if _, _, err := b.call("POST", "/v1/jobs", `{"displayName":"x"}`); err == nil {
		t.Fatal("it was answered")
	}
	for b.admin("GET", "/stats", "")["late"].(float64) == 0 {
		time.Sleep(time.Millisecond)
	}
	b.admin("POST", "/clock", `{"advance_ms":6100}`)
	if found := b.want(200, "GET", "/v1/jobs", "")["jobs"].([]any); len(found) != 1 {
		t.Fatal("no list shows it, though it came long ago: ", found)
	}
}

func TestThrottlingNamesAPause(t *testing.T) {
	b := open(t).login()
	b.plan(`{"fault":"status","status":429,"retry_after":7,"count":1},{"fault":"status","status":429,"retry_after":"+7"}`)
	if v := b.want(429, "GET", "/v1/jobs", ""); v["after"] != "7" || statusOf(v) != "RESOURCE_EXHAUSTED" {
		t.Fatal(v)
	}
	v := b.want(429, "GET", "/v1/jobs", "")
	until, err := http.ParseTime(v["after"].(string))
	if left := time.Until(until); err != nil || left < 4*time.Second || left > 8*time.Second {
		t.Fatal(v, err)
	}
}

func TestARuleCountsWhatItMatches(t *testing.T) {
	b := open(t).login()
	run := func(rule string) (said string) {
		b.plan(rule)
		for i := 0; i < 8; i++ {
			got, _, _ := b.call("GET", "/v1/jobs", "")
			said += fmt.Sprint(got/100, " ")
		}
		return said
	}
	for rule, want := range map[string]string{
		`{"match":{"nth":3},"fault":"status","status":500}`:                "2 2 5 2 2 2 2 2 ",
		`{"match":{"every":3},"fault":"status","status":500}`:              "2 2 5 2 2 5 2 2 ",
		`{"match":{"every":2},"count":2,"fault":"status","status":500}`:    "2 5 2 5 2 2 2 2 ",
		`{"match":{"path":"/v1/models"},"fault":"status","status":500}`:    "2 2 2 2 2 2 2 2 ",
		`{"match":{"path":"/v1/*","nth":1},"fault":"status","status":500}`: "5 2 2 2 2 2 2 2 ",
	} {
		if said := run(rule); said != want {
			t.Errorf("%s: %s, not %s", rule, said, want)
		}
	}
}

// script makes many requests under a plan of chances, and says all that came back.
func script(b *bench) string {
	b.login()
	b.plan(`{"match":{"probability":0.3},"fault":"status","status":500},
		{"match":{"method":"POST","probability":0.3},"fault":"reset_after"},
		{"match":{"method":"GET","every":7},"fault":"truncate"}`)
	var said strings.Builder
	for i := 0; i < 60; i++ {
		for _, method := range []string{"POST", "GET"} {
			got, v, err := b.call(method, "/v1/jobs", `{"run_ms":1}`)
			delete(v, "createTime")
			fmt.Fprintln(&said, method, got, v["id"], err != nil)
		}
	}
	return said.String()
}

func TestTheSameSeedAndRequestsGiveTheSameFaults(t *testing.T) {
	b := open(t, "--seed", "7")
	first := script(b)
	b.admin("POST", "/reset", "")
	if again := script(b); again != first {
		t.Fatalf("after a reset:\n%s\n%s", first, again)
	}
	if elsewhere := script(open(t, "--seed", "7")); elsewhere != first {
		t.Fatalf("in another process:\n%s\n%s", first, elsewhere)
	}
	if other := script(open(t, "--seed", "8")); other == first {
		t.Fatal("another seed changes nothing")
	}
	if !strings.Contains(first, " 500 ") || !strings.Contains(first, "true") || !strings.Contains(first, " 200 ") {
		t.Fatal(first)
	}
}

func TestAnswersAreHeldUntilAllHaveCome(t *testing.T) {
	const count = 500
	b := open(t).login()
	b.want(200, "POST", "/v1/jobs", `{"name":"j"}`)
	b.client.Timeout = time.Minute
	b.admin("POST", "/hold", fmt.Sprintf(`{"path":"/v1/jobs/*","until":%d}`, count))
	var all sync.WaitGroup
	answered := make(chan int, count)
	ask := func() {
		defer all.Done()
		got, _, _ := b.call("GET", "/v1/jobs/j", "")
		answered <- got
	}
	all.Add(count)
	for i := 0; i < count-1; i++ {
		go ask()
	}
	for b.admin("GET", "/stats", "")["held"].(float64) != count-1 {
		time.Sleep(time.Millisecond)
	}
	if len(answered) != 0 {
		t.Fatal("some were answered before")
	}
	go ask()
	all.Wait()
	for i := 0; i < count; i++ {
		if got := <-answered; got != 200 {
			t.Fatal(got)
		}
	}
	most := b.admin("GET", "/stats", "")["connections"].(anything)["http/1.1"].(anything)["most"].(float64)
	if most < count {
		t.Fatal(most)
	}
}

func TestHTTP2SharesAConnection(t *testing.T) {
	b := openTLS(t).login()
	var all sync.WaitGroup
	b.admin("POST", "/hold", `{"path":"/v1/jobs","until":50}`)
	for i := 0; i < 50; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			b.want(200, "GET", "/v1/jobs", "")
		}()
	}
	all.Wait()
	said := b.admin("GET", "/stats", "")
	if h2 := said["connections"].(anything)["h2"].(anything); h2["most"].(float64) != 1 {
		t.Fatal(h2)
	}
	if said["protocols"].(anything)["HTTP/2.0"].(float64) != 51 {
		t.Fatal(said["protocols"])
	}
	b.client = b.trusting(false)
	b.want(200, "GET", "/v1/jobs", "")
	if one := b.admin("GET", "/stats", "")["connections"].(anything)["https/1.1"].(anything); one["open"].(float64) != 1 {
		t.Fatal(one)
	}
}

func TestSomeNamesHaveBadCertificates(t *testing.T) {
	b := openTLS(t)
	pool := b.trusting(false).Transport.(*http.Transport).TLSClientConfig.RootCAs
	address := strings.TrimPrefix(b.ready.HTTPS, "https://")
	for name, want := range map[string]string{
		"localhost": "", "a.cloud.localhost": "", "expired.localhost": "expired", "wrong.localhost": "not wrong.localhost",
		"untrusted.localhost": "unknown authority",
	} {
		connection, err := tls.Dial("tcp", address, &tls.Config{RootCAs: pool, ServerName: name})
		if err == nil {
			_ = connection.Close()
		}
		if (err == nil) != (want == "") || (err != nil && !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAnAuthorityOutlivesARestart(t *testing.T) {
	folder := t.TempDir()
	first := open(t, "--https", "127.0.0.1:0", "--ca-dir", folder)
	second := open(t, "--https", "127.0.0.1:0", "--ca-dir", folder)
	second.client = first.trusting(true)
	second.login()
}

func TestStatisticsSayHowOftenEachObjectWasRead(t *testing.T) {
	b := open(t).login()
	b.want(200, "POST", "/v1/jobs", `{"name":"a"}`)
	b.want(200, "POST", "/v1/jobs", `{"name":"b"}`)
	b.want(200, "GET", "/v1/jobs/a", "")
	said := b.admin("GET", "/stats", "")
	if text(said["gets"].(anything)["jobs"]) != `{"0":1,"1":1}` || said["requests"].(anything)["GET /v1/jobs/*"].(float64) != 1 {
		t.Fatal(said)
	}
	b.admin("POST", "/stats", "")
	if said := b.admin("GET", "/stats", ""); text(said["gets"].(anything)["jobs"]) != `{"0":2}` || text(said["requests"]) != `{}` {
		t.Fatal(said)
	}
}
