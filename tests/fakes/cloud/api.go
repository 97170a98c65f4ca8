package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// target is what a path names: /v1/KIND[/ID[:VERB]][/PART].
type target struct {
	kind, id, verb, part string
}

func parseTarget(from *url.URL) (target, bool) {
	parts := strings.Split(from.EscapedPath(), "/") // %2F is a part of an id
	if len(parts) < 3 || len(parts) > 5 || parts[0] != "" || parts[1] != "v1" {
		return target{}, false
	}
	t := target{kind: parts[2]}
	if len(parts) > 3 {
		t.id, t.verb, _ = strings.Cut(parts[3], ":")
		if id, err := url.PathUnescape(t.id); err == nil {
			t.id = id
		}
	}
	if len(parts) > 4 {
		t.part = parts[4]
	}
	for _, kind := range kinds {
		if kind == t.kind {
			return t, len(parts) == 3 || t.id != ""
		}
	}
	return t, false
}

// route is the name that statistics count a request under.
func (t target) route(method string) string {
	name := method + " /v1/" + t.kind
	if t.id != "" {
		name += "/*"
	}
	if t.verb != "" {
		name += ":" + t.verb
	}
	if t.part != "" {
		name += "/" + t.part
	}
	return name
}

// act answers a request for what exists: the store is locked, and o is nil in a collection.
type act func(c *cloud, r *request, t target, o *object) (answer, *refusal)

// acts is the whole API: method, has an id, verb or part.
var acts = map[string]act{
	"POST /*":                         create,
	"GET /*":                          list,
	"GET /*/*":                        get,
	"DELETE /*/*":                     remove,
	"GET /jobs/*/log":                 readLog,
	"POST /*/*:cancel":                cancel,
	"POST /endpoints/*:deploy":        deploy,
	"POST /endpoints/*:undeploy":      undeploy,
	"POST /endpoints/*:predict":       predict,
	"POST /endpoints/*:streamPredict": streamPredict,
	"POST /endpoints/*:explain":       explain,
}

func findAct(method string, t target) act {
	name := strings.Replace(t.route(method), "/v1", "", 1)
	if found := acts[name]; found != nil {
		return found
	}
	return acts[strings.Replace(name, "/"+t.kind, "/*", 1)]
}

// serve does what a request asks for.
func (c *cloud) serve(r *request) answer {
	id := r.requestID()
	if r.URL.Path == "/oauth/token" {
		return c.token(r)
	}
	if !c.authorized(r) {
		return refuse(401, "UNAUTHENTICATED", "the token is missing, wrong or has expired").answer(id, nil)
	}
	t, ok := parseTarget(r.URL)
	if !ok {
		return refuse(404, "NOT_FOUND", "there is nothing at "+r.URL.Path).answer(id, nil)
	}
	found := findAct(r.Method, t)
	if found == nil {
		return refuse(405, "UNIMPLEMENTED", r.Method+" is not for "+r.URL.Path).answer(id, nil)
	}
	c.store.mutex.Lock()
	defer c.store.mutex.Unlock()
	o := c.store.all[t.kind].byID[t.id]
	if o == nil && t.id != "" {
		return refuse(404, "NOT_FOUND", fmt.Sprintf("there is no %s/%s", t.kind, t.id)).answer(id, nil)
	}
	a, refused := found(c, r, t, o)
	if refused != nil {
		return refused.answer(id, nil)
	}
	return a
}

func (r *request) requestID() string { return fmt.Sprintf("req-%d", r.n) }

// strictly reads a JSON object that has no other members than v.
func strictly(body []byte, v any) *refusal {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(v)
	if err == nil && decoder.More() {
		err = errors.New("something follows the object")
	}
	if err != nil {
		return refuse(400, "INVALID_ARGUMENT", "the body: "+err.Error())
	}
	return nil
}

func (c *cloud) show(status int, t target, o *object) answer {
	return jsonAnswer(status, o.view(t.kind, c.clock.now()))
}

func create(c *cloud, r *request, t target, _ *object) (answer, *refusal) {
	var body creation

	if refused := strictly(r.body, &body); refused != nil {
		return answer{}, refused
	}
	if body.Name != "" && !nameRule.MatchString(body.Name) {
		return answer{}, refuse(400, "INVALID_ARGUMENT", "name: a-z, 0-9 and -, at most 63, first a letter")
	}
	now := c.now(r)
	made, existing, refused := c.store.create(t.kind, r.Header.Get("Idempotency-Token"), r.body, &body, now)
	if existing != nil {
		more := map[string]any{"existing": existing.view(t.kind, now)}
		return refused.answer(r.requestID(), more), nil
	}
	if refused != nil {
		return answer{}, refused
	}
	return c.show(200, t, made), nil
}

func get(c *cloud, _ *request, t target, o *object) (answer, *refusal) {
	o.gets++
	return c.show(200, t, o), nil
}

// readQuery reads what a list is asked for; settings cap the page.
func readQuery(r *request, s settings) (query, *refusal) {
	values := r.URL.Query()
	q := query{size: s.PageSize, displayName: values.Get("displayName"), name: values.Get("name")}
	for _, label := range values["label"] {
		name, value, found := strings.Cut(label, ":")
		if !found {
			return q, refuse(400, "INVALID_ARGUMENT", "label: NAME:VALUE")
		}
		q.labels = append(q.labels, [2]string{name, value})
	}
	if text := values.Get("pageSize"); text != "" {
		size, err := strconv.Atoi(text)
		if err != nil || size < 1 {
			return q, refuse(400, "INVALID_ARGUMENT", "pageSize: a number from 1")
		}
		if size < q.size {
			q.size = size
		}
	}
	empty := false
	if token := values.Get("pageToken"); token != "" {
		place, filter, wasEmpty, ok := readPageToken(token)
		if !ok || filter != q.sum() {
			return q, refuse(400, "INVALID_ARGUMENT", "pageToken: not one of this list")
		}
		q.after, empty = place, wasEmpty
	}
	q.empty = s.EmptyPages && !empty
	return q, nil
}

func list(c *cloud, r *request, t target, _ *object) (answer, *refusal) {
	s, now := c.settings(), c.clock.now()
	q, refused := readQuery(r, s)
	if refused != nil {
		return answer{}, refused
	}
	found, place, more := c.store.page(t.kind, &q, now, s.ListDelayMs)
	items := make([]view, 0, len(found))
	for _, o := range found {
		items = append(items, o.view(t.kind, now))
	}
	body := map[string]any{t.kind: items}
	if more {
		body["nextPageToken"] = pageToken(place, q.sum(), q.empty)
	}
	return jsonAnswer(200, body), nil
}

func remove(c *cloud, r *request, t target, o *object) (answer, *refusal) {
	now := c.now(r)
	switch state := o.state(now); {
	case t.kind == "jobs" && (state == "RUNNING" || state == "CANCELLING"):
		return answer{}, refuse(409, "FAILED_PRECONDITION", "jobs/"+o.id+" runs: cancel it first")
	case len(o.deployed) > 0:
		return answer{}, refuse(409, "FAILED_PRECONDITION", "models are deployed on endpoints/"+o.id)
	}
	c.store.remove(t.kind, o, now)
	return c.show(200, t, o), nil
}

// cancel only asks; the state shows what came of it.
func cancel(c *cloud, r *request, t target, o *object) (answer, *refusal) {
	now := c.now(r)
	if o.finished(now) != 0 {
		return answer{}, refuse(409, "FAILED_PRECONDITION", t.kind+"/"+o.id+" has ended")
	}
	if o.cancelled == 0 {
		o.cancelled = now
	}
	return c.show(200, t, o), nil
}

// logOf is what the job has printed: its text at the start, its lines evenly over its time.
func (c *cloud) logOf(o *object, now int64) string {
	var text strings.Builder
	if o.logText != "" && now >= o.started() {
		text.WriteString(o.logText + "\n")
	}
	for id, secret := range c.clients { // as scripts do that print their environment
		said := strings.ReplaceAll(text.String(), "{secret of "+id+"}", secret)
		text.Reset()
		text.WriteString(said)
	}
	for i := 0; i < int(float64(o.logLines)*o.progress(now)); i++ {
		fmt.Fprintf(&text, "step %d of %d\n", i+1, o.logLines)
	}
	return text.String()
}

func readLog(c *cloud, r *request, _ target, o *object) (answer, *refusal) {
	text := c.logOf(o, c.clock.now())
	offset, err := strconv.Atoi(r.URL.Query().Get("offset"))
	if err != nil || offset < 0 || offset > len(text) {
		offset = 0
	}
	return answer{
		status: 200, kind: "text/plain; charset=utf-8", body: []byte(text[offset:]),
		header: http.Header{"Log-Offset": {strconv.Itoa(offset)}},
	}, nil
}

// placement is the body of deploy and undeploy.
type placement struct {
	ID    string `json:"id"`
	Model string `json:"model"`
	RunMs *int64 `json:"run_ms"`
	Fail  bool   `json:"fail"`
}

func deploy(c *cloud, r *request, t target, o *object) (answer, *refusal) {
	var body placement

	if refused := strictly(r.body, &body); refused != nil {
		return answer{}, refused
	}
	if c.store.all["models"].byID[body.Model] == nil {
		return answer{}, refuse(404, "NOT_FOUND", "there is no models/"+body.Model)
	}
	for _, d := range o.deployed {
		if d.id == body.ID {
			return answer{}, refuse(409, "ALREADY_EXISTS", "deployed model "+body.ID+" exists already")
		}
	}
	as := creation{RunMs: body.RunMs, Fail: body.Fail}
	d := &deployed{span: as.span(c.now(r)), id: body.ID, model: body.Model}
	if d.id == "" {
		c.store.seq++
		d.id = word(c.store.seed, c.store.seq)
	}
	o.deployed = append(o.deployed, d)
	return c.show(200, t, o), nil
}

func undeploy(c *cloud, r *request, t target, o *object) (answer, *refusal) {
	var body placement

	if refused := strictly(r.body, &body); refused != nil {
		return answer{}, refused
	}
	for i, d := range o.deployed {
		if d.id == body.ID {
			o.deployed = append(o.deployed[:i:i], o.deployed[i+1:]...)
			return c.show(200, t, o), nil
		}
	}
	return answer{}, refuse(404, "NOT_FOUND", "endpoints/"+o.id+" has no deployed model "+body.ID)
}

// prediction is the body of predict, streamPredict and explain.
type prediction struct {
	Instances  []json.RawMessage `json:"instances"`
	Parameters json.RawMessage   `json:"parameters"`
}

func (c *cloud) readPrediction(r *request, o *object) (*prediction, *deployed, *refusal) {
	body := new(prediction)
	if refused := strictly(r.body, body); refused != nil {
		return nil, nil, refused
	}
	if body.Instances == nil {
		return nil, nil, refuse(400, "INVALID_ARGUMENT", "instances: an array is needed")
	}
	d := o.serving(c.clock.now())
	if d == nil {
		return nil, nil, refuse(409, "FAILED_PRECONDITION", "no model is deployed on endpoints/"+o.id)
	}
	return body, d, nil
}

// predict answers the instances themselves.
func predict(c *cloud, r *request, _ target, o *object) (answer, *refusal) {
	body, d, refused := c.readPrediction(r, o)
	if refused != nil {
		return answer{}, refused
	}
	return jsonAnswer(200, struct {
		Predictions     []json.RawMessage `json:"predictions"`
		DeployedModelID string            `json:"deployedModelId"`
		Model           string            `json:"model"`
	}{body.Instances, d.id, d.model}), nil
}

func explain(c *cloud, r *request, _ target, o *object) (answer, *refusal) {
	body, d, refused := c.readPrediction(r, o)
	if refused != nil {
		return answer{}, refused
	}
	explanations := make([]map[string]any, 0, len(body.Instances))
	for _, instance := range body.Instances {
		explanations = append(explanations, map[string]any{"instance": instance, "attribution": 1})
	}
	return jsonAnswer(200, map[string]any{"explanations": explanations, "deployedModelId": d.id}), nil
}

// streamPredict sends a server-sent event per instance, parameters.gap_ms apart.
func streamPredict(c *cloud, r *request, _ target, o *object) (answer, *refusal) {
	var how struct {
		GapMs int64 `json:"gap_ms"`
	}
	body, _, refused := c.readPrediction(r, o)
	if refused != nil {
		return answer{}, refused
	}
	if body.Parameters != nil {
		if refused := strictly(body.Parameters, &how); refused != nil {
			return answer{}, refused
		}
	}
	return answer{status: 200, kind: "text/event-stream", stream: func(w io.Writer, flush func() error) error {
		for i, instance := range body.Instances {
			if i > 0 && !c.sleep(r, how.GapMs) {
				return errGone
			}
			if _, err := fmt.Fprintf(w, "data: {\"prediction\":%s}\n\n", instance); err != nil {
				return err
			}
			if err := flush(); err != nil {
				return err
			}
		}
		return nil
	}}, nil
}
