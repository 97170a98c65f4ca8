package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"sync"
)

// kinds are the collections below /v1.
var kinds = []string{"jobs", "datasets", "models", "endpoints"}

var nameRule = regexp.MustCompile(`^[a-z][a-z0-9-]{0,62}$`)

// creation is the body of a POST; the members with a low line say how the object is to behave.
type creation struct {
	Name        string            `json:"name"`
	DisplayName string            `json:"displayName"`
	Labels      map[string]string `json:"labels"`
	Spec        json.RawMessage   `json:"spec"`
	PendingMs   int64             `json:"pending_ms"`
	RunMs       *int64            `json:"run_ms"`
	CancelMs    int64             `json:"cancel_ms"`
	Fail        bool              `json:"fail"`
	Error       string            `json:"error"`
	LogLines    *int              `json:"log_lines"`
	LogText     string            `json:"log_text"`
}

func (c *creation) span(now int64) span {
	s := span{created: now, pending: c.PendingMs, run: 50, cancel: c.CancelMs}
	if c.RunMs != nil {
		s.run = *c.RunMs
	}
	if c.Fail || c.Error != "" {
		s.failure = "it was told to fail"
	}
	if c.Error != "" {
		s.failure = c.Error
	}
	return s
}

// object is one job, data set, model or endpoint; the store's lock guards it.
type object struct {
	span
	seq         uint64 // its place in lists
	id          string
	displayName string
	labels      []string // name, value, name, value … by name
	spec        json.RawMessage
	logText     string
	logLines    int
	sum         uint64 // of the body that made it
	deleted     int64
	gets        uint32
	deployed    []*deployed
}

// deployed is a model on an endpoint.
type deployed struct {
	span
	id, model string
}

type failureView struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

type deployedView struct {
	ID    string       `json:"id"`
	Model string       `json:"model"`
	State string       `json:"state"`
	Error *failureView `json:"error,omitempty"`
}

// view is an object as the API shows it.
type view struct {
	ID             string            `json:"id"`
	Resource       string            `json:"resource"`
	DisplayName    string            `json:"displayName,omitempty"`
	Labels         map[string]string `json:"labels,omitempty"`
	State          string            `json:"state"`
	Progress       float64           `json:"progress"`
	CreateTime     string            `json:"createTime"`
	StartTime      string            `json:"startTime,omitempty"`
	EndTime        string            `json:"endTime,omitempty"`
	Error          *failureView      `json:"error,omitempty"`
	Spec           json.RawMessage   `json:"spec,omitempty"`
	DeployedModels []deployedView    `json:"deployedModels,omitempty"`
}

func failureOf(s *span, now int64) *failureView {
	if s.state(now) != "FAILED" {
		return nil
	}
	return &failureView{"USER_CODE_FAILED", s.failure}
}

func (o *object) view(kind string, now int64) view {
	v := view{
		ID: o.id, Resource: kind + "/" + o.id, DisplayName: o.displayName, State: o.state(now),
		Progress: o.progress(now), CreateTime: timeText(o.created), Error: failureOf(&o.span, now), Spec: o.spec,
	}
	v.StartTime, v.EndTime = o.times(now)
	if len(o.labels) > 0 {
		v.Labels = make(map[string]string, len(o.labels)/2)
	}
	for i := 0; i < len(o.labels); i += 2 {
		v.Labels[o.labels[i]] = o.labels[i+1]
	}
	for _, d := range o.deployed {
		v.DeployedModels = append(v.DeployedModels,
			deployedView{d.id, d.model, d.state(now), failureOf(&d.span, now)})
	}
	return v
}

// serving is the newest deployed model that answers, or nil.
func (o *object) serving(now int64) *deployed {
	for i := len(o.deployed) - 1; i >= 0; i-- {
		if o.deployed[i].state(now) == "SUCCEEDED" {
			return o.deployed[i]
		}
	}
	return nil
}

func (o *object) hasLabel(name, value string) bool {
	for i := 0; i < len(o.labels); i += 2 {
		if o.labels[i] == name {
			return o.labels[i+1] == value
		}
	}
	return false
}

// collection holds the objects of one kind.
type collection struct {
	byID    map[string]*object
	byToken map[string]*object
	order   []*object // by seq; deleted ones until lists know of it
}

// store holds all objects.
type store struct {
	mutex sync.Mutex
	seed  uint64
	seq   uint64
	all   map[string]*collection
}

func (s *store) reset(seed uint64) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.seed, s.seq, s.all = seed, 0, map[string]*collection{}
	for _, kind := range kinds {
		s.all[kind] = &collection{byID: map[string]*object{}, byToken: map[string]*object{}}
	}
}

func sumOf(body []byte) uint64 {
	h := fnv.New64a()
	_, _ = h.Write(body)
	return h.Sum64()
}

func labelPairs(labels map[string]string) []string {
	names := make([]string, 0, len(labels))
	for name := range labels {
		names = append(names, name)
	}
	sort.Strings(names)
	pairs := make([]string, 0, 2*len(names))
	for _, name := range names {
		pairs = append(pairs, name, labels[name])
	}
	return pairs
}

// create makes an object, or finds the one that the token made before. existing is what is in
// the way of a name.
func (s *store) create(kind, token string, body []byte, c *creation, now int64) (made, existing *object, failure *refusal) {
	all := s.all[kind]
	sum := sumOf(body)

	if known := all.byToken[token]; known != nil && token != "" {
		if known.sum != sum {
			return nil, nil, refuse(409, "IDEMPOTENCY_TOKEN_REUSED", "the token came with another request before")
		}
		return known, nil, nil
	}
	if known := all.byID[c.Name]; known != nil {
		return nil, known, refuse(409, "ALREADY_EXISTS", fmt.Sprintf("%s/%s exists already", kind, c.Name))
	}
	s.seq++
	o := &object{
		span: c.span(now), seq: s.seq, id: c.Name, displayName: c.DisplayName, labels: labelPairs(c.Labels),
		spec: c.Spec, logText: c.LogText, logLines: 3, sum: sum,
	}
	if o.id == "" {
		o.id = word(s.seed, s.seq)
	}
	if c.LogLines != nil {
		o.logLines = *c.LogLines
	}
	all.byID[o.id] = o
	all.order = append(all.order, o)
	if token != "" {
		all.byToken[token] = o
	}
	return o, nil, nil
}

// remove takes an object away; lists may show it for a while.
func (s *store) remove(kind string, o *object, now int64) {
	delete(s.all[kind].byID, o.id)
	o.deleted = now
}

// tidy forgets deleted objects that no list shows any more, once they are many.
func (all *collection) tidy(now, delay int64) {
	if len(all.order) < 64+2*len(all.byID) {
		return
	}
	kept := all.order[:0]
	for _, o := range all.order {
		if o.deleted == 0 || now < o.deleted+delay {
			kept = append(kept, o)
		}
	}
	for i := len(kept); i < len(all.order); i++ {
		all.order[i] = nil
	}
	all.order = kept
}

// query is what a list is asked for.
type query struct {
	labels      [][2]string
	displayName string
	name        string
	after       uint64
	size        int
	empty       bool // this page shall be an empty one
}

// sum tells one filter from another, for page tokens.
func (q *query) sum() uint64 {
	return sumOf([]byte(fmt.Sprintf("%q %q %q", q.labels, q.displayName, q.name)))
}

func (q *query) matches(o *object) bool {
	for _, label := range q.labels {
		if !o.hasLabel(label[0], label[1]) {
			return false
		}
	}
	return (q.displayName == "" || q.displayName == o.displayName) && (q.name == "" || q.name == o.id)
}

// page is a part of a list; where there is more, place is where to go on.
func (s *store) page(kind string, q *query, now, delay int64) (found []*object, place uint64, more bool) {
	all := s.all[kind]
	place = q.after
	all.tidy(now, delay)
	from := sort.Search(len(all.order), func(i int) bool { return all.order[i].seq > q.after })
	for _, o := range all.order[from:] {
		if now < o.created+delay || (o.deleted != 0 && now >= o.deleted+delay) || !q.matches(o) {
			continue
		}
		if q.empty || len(found) == q.size {
			return found, place, true
		}
		found = append(found, o)
		place = o.seq
	}
	return found, place, false
}

// pageToken is opaque to clients: the place and the filter it belongs to, and whether the page
// before it was an empty one.
func pageToken(place, filter uint64, empty bool) string {
	text := fmt.Sprintf("%d.%x.%t", place, filter, empty)
	return base64.RawURLEncoding.EncodeToString([]byte(text))
}

func readPageToken(token string) (place, filter uint64, empty, ok bool) {
	text, err := base64.RawURLEncoding.DecodeString(token)
	parts := strings.Split(string(text), ".")
	if err != nil || len(parts) != 3 {
		return 0, 0, false, false
	}
	place, placeErr := strconv.ParseUint(parts[0], 10, 64)
	filter, filterErr := strconv.ParseUint(parts[1], 16, 64)
	return place, filter, parts[2] == "true", placeErr == nil && filterErr == nil
}
