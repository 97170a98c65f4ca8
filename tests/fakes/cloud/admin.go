package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
)

// adminAct answers one request of the test; body is a JSON object or empty.
type adminAct func(c *cloud, r *http.Request, body []byte) (any, error)

var adminActs = map[string]adminAct{
	"POST /reset":    adminReset,
	"POST /faults":   adminFaults,
	"GET /faults":    adminShowFaults,
	"POST /hold":     adminHold,
	"POST /release":  adminRelease,
	"POST /clock":    adminClock,
	"POST /settings": adminSettings,
	"POST /tokens":   adminTokens,
	"POST /http2":    adminScript,
	"GET /http2":     adminShowScript,
	"GET /requests":  adminRequests,
	"GET /objects":   adminObjects,
	"GET /stats":     adminStats,
	"POST /stats":    adminZero,
}

// admin is the handler of the test's own interface.
func (c *cloud) admin() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		found := adminActs[r.Method+" "+r.URL.Path]
		if found == nil {
			http.Error(w, "there is no "+r.Method+" "+r.URL.Path, http.StatusNotFound)
			return
		}
		c.arrive()
		body, err := io.ReadAll(r.Body)
		if err == nil {
			var said any
			if said, err = found(c, r, body); err == nil {
				a := jsonAnswer(200, said)
				a.write(w)
				return
			}
		}
		http.Error(w, err.Error(), http.StatusBadRequest)
	})
}

var done = map[string]any{}

// read reads the body into v; an empty one changes nothing.
func read(body []byte, v any) error {
	if len(body) == 0 {
		return nil
	}
	if refused := strictly(body, v); refused != nil {
		return fmt.Errorf("%s", refused.message)
	}
	return nil
}

func adminReset(c *cloud, _ *http.Request, body []byte) (any, error) {
	var said struct {
		KeepTokens bool `json:"keep_tokens"`
	}
	if err := read(body, &said); err != nil {
		return nil, err
	}
	c.reset(said.KeepTokens)
	return done, nil
}

func adminFaults(c *cloud, _ *http.Request, body []byte) (any, error) {
	var said struct {
		Rules []*rule `json:"rules"`
	}
	if err := read(body, &said); err != nil {
		return nil, err
	}
	return done, c.plan.replace(said.Rules)
}

func adminShowFaults(c *cloud, _ *http.Request, _ []byte) (any, error) {
	c.plan.mutex.Lock()
	defer c.plan.mutex.Unlock()
	rules, err := json.Marshal(c.plan.rules)
	return map[string]json.RawMessage{"rules": rules}, err
}

func adminHold(c *cloud, _ *http.Request, body []byte) (any, error) {
	held := &hold{}
	if err := read(body, held); err != nil {
		return nil, err
	}
	c.holds.add(held)
	return done, nil
}

func adminRelease(c *cloud, _ *http.Request, body []byte) (any, error) {
	var which match
	if err := read(body, &which); err != nil {
		return nil, err
	}
	return map[string]int{"released": c.holds.release(which.Method, which.Path)}, nil
}

func adminClock(c *cloud, _ *http.Request, body []byte) (any, error) {
	var said struct {
		AdvanceMs int64 `json:"advance_ms"`
		Stopped   *bool `json:"stopped"`
	}
	if err := read(body, &said); err != nil {
		return nil, err
	}
	if said.Stopped != nil {
		c.clock.stop(*said.Stopped)
	}
	now := c.clock.advance(said.AdvanceMs)
	c.arrive()
	return map[string]int64{"now_ms": now}, nil
}

// adminSettings changes those that are given.
func adminSettings(c *cloud, _ *http.Request, body []byte) (any, error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	changed := c.set
	if err := read(body, &changed); err != nil {
		return nil, err
	}
	c.set = changed
	return changed, nil
}

// adminTokens ends all tokens that live.
func adminTokens(c *cloud, _ *http.Request, _ []byte) (any, error) {
	c.tokens.revoke()
	return done, nil
}

func adminRequests(c *cloud, r *http.Request, _ []byte) (any, error) {
	values := r.URL.Query()
	since, _ := strconv.ParseUint(values.Get("since"), 10, 64)
	which := match{Method: values.Get("method"), Path: values.Get("path")}
	return map[string]any{"requests": c.journal.since(since, which)}, nil
}

// adminObjects shows the newest 1000 of each kind.
func adminObjects(c *cloud, _ *http.Request, _ []byte) (any, error) {
	c.store.mutex.Lock()
	defer c.store.mutex.Unlock()
	now := c.clock.now()
	shown := map[string][]view{}
	for kind, all := range c.store.all {
		shown[kind] = []view{}
		for i := len(all.order) - 1; i >= 0 && len(shown[kind]) < 1000; i-- {
			if o := all.order[i]; o.deleted == 0 {
				shown[kind] = append(shown[kind], o.view(kind, now))
			}
		}
	}
	return shown, nil
}

// gets says of each kind how many objects were asked for how often.
func (c *cloud) gets() (counts map[string]int, gets map[string]map[string]int) {
	c.store.mutex.Lock()
	defer c.store.mutex.Unlock()
	counts, gets = map[string]int{}, map[string]map[string]int{}
	for kind, all := range c.store.all {
		counts[kind], gets[kind] = len(all.byID), map[string]int{}
		for _, o := range all.byID {
			gets[kind][fmt.Sprint(o.gets)]++
		}
	}
	return counts, gets
}

func adminStats(c *cloud, _ *http.Request, _ []byte) (any, error) {
	said := c.stats.view()
	said["held"], said["held_most"] = c.holds.count()
	said["late"] = c.late.count()
	said["objects"], said["gets"] = c.gets()
	c.tokens.mutex.Lock()
	said["tokens"] = c.tokens.made
	c.tokens.mutex.Unlock()
	return said, nil
}

// adminZero begins to count anew.
func adminZero(c *cloud, _ *http.Request, _ []byte) (any, error) {
	c.stats.zero()
	c.store.mutex.Lock()
	defer c.store.mutex.Unlock()
	for _, all := range c.store.all {
		for _, o := range all.byID {
			o.gets = 0
		}
	}
	return done, nil
}
