package main

import "sync"

// arrival is a request that is on its way though nobody waits for it any more.
type arrival struct {
	due int64 // in the cloud's time
	*request
}

// arrivals are those that have not come yet.
type arrivals struct {
	mutex sync.Mutex
	all   []arrival
}

func (a *arrivals) reset() {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.all = nil
}

func (a *arrivals) add(due int64, r *request) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.all = append(a.all, arrival{due, r})
}

func (a *arrivals) count() int {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	return len(a.all)
}

// take removes and returns those that are due.
func (a *arrivals) take(now int64) (due []arrival) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	kept := []arrival{}
	for _, one := range a.all {
		if one.due <= now {
			due = append(due, one)
		} else {
			kept = append(kept, one)
		}
	}
	a.all = kept
	return due
}

// arrive does what is due, as of when it was. Nobody sees the cloud but by a request, before which
// it is called.
func (c *cloud) arrive() {
	for _, late := range c.late.take(c.clock.now()) {
		late.request.came = late.due
		_ = c.serve(late.request)
	}
}

// now is the time of what a request does.
func (c *cloud) now(r *request) int64 {
	if r.came != 0 {
		return r.came
	}
	return c.clock.now()
}
