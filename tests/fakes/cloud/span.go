package main

// span is what takes time: PENDING, RUNNING, and then an end; all in milliseconds. Nothing runs
// for it: its state is worked out when somebody asks.
type span struct {
	created   int64
	pending   int64
	run       int64 // less than 0: until it is cancelled
	cancelled int64 // when that was asked for; 0: never
	cancel    int64 // how long a cancellation takes
	failure   string
}

func (s *span) started() int64 { return s.created + s.pending }

// end is when it ends if nobody cancels it; ok is false if never.
func (s *span) end() (at int64, ok bool) { return s.started() + s.run, s.run >= 0 }

// finished is the time of the end, or 0 while there is none.
func (s *span) finished(now int64) int64 {
	at, ends := s.end()
	if s.cancelled != 0 && (!ends || s.cancelled < at) {
		at, ends = s.cancelled+s.cancel, true
	}
	if !ends || now < at {
		return 0
	}
	return at
}

func (s *span) state(now int64) string {
	at, ends := s.end()
	switch {
	case s.cancelled != 0 && (!ends || s.cancelled < at):
		if now < s.cancelled+s.cancel {
			return "CANCELLING"
		}
		return "CANCELLED"
	case now < s.started():
		return "PENDING"
	case !ends || now < at:
		return "RUNNING"
	case s.failure != "":
		return "FAILED"
	}
	return "SUCCEEDED"
}

// progress is a part of 1.
func (s *span) progress(now int64) float64 {
	at, ends := s.end()
	switch {
	case now < s.started() || !ends:
		return 0
	case now >= at:
		return 1
	}
	return float64(now-s.started()) / float64(s.run)
}

// times are those the span bounds of a start and an end that have come; else "".
func (s *span) times(now int64) (start, end string) {
	finished := s.finished(now)
	if now >= s.started() && (finished == 0 || s.started() <= finished) {
		start = timeText(s.started())
	}
	return start, timeText(finished)
}
