package main

import (
	"crypto/tls"
	"net"
	"net/http"
	"sync"
	"time"
)

// gauge counts what is open.
type gauge struct {
	Open int `json:"open"`
	Most int `json:"most"`
	Made int `json:"made"`
}

func (g *gauge) add() {
	g.Open++
	g.Made++
	if g.Open > g.Most {
		g.Most = g.Open
	}
}

// stats are counted from the last zero() on; connections stay known.
type stats struct {
	mutex       sync.Mutex
	since       time.Time
	connections map[net.Conn]string // the protocol, "" until it is known
	gauges      map[string]*gauge   // by protocol; "all" together
	routes      map[string]uint64
	protocols   map[string]uint64
	seconds     map[string][]uint32 // requests of a route in each second since
}

func (s *stats) zero() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.since = time.Now()
	s.routes, s.protocols, s.seconds = map[string]uint64{}, map[string]uint64{}, map[string][]uint32{}
	if s.connections == nil {
		s.connections, s.gauges = map[net.Conn]string{}, map[string]*gauge{"all": {}}
	}
	for _, g := range s.gauges {
		g.Most, g.Made = g.Open, 0
	}
}

// protocolOf is known once a request has come.
func protocolOf(connection net.Conn) string {
	secure, ok := connection.(*tls.Conn)
	switch {
	case !ok:
		return "http/1.1"
	case secure.ConnectionState().NegotiatedProtocol == "h2":
		return "h2"
	}
	return "https/1.1"
}

// connection is told of each change in the life of one.
func (s *stats) connection(connection net.Conn, state http.ConnState) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	known, there := s.connections[connection]
	switch state {
	case http.StateNew:
		s.connections[connection] = ""
		s.gauges["all"].add()
	case http.StateActive:
		if known == "" {
			known = protocolOf(connection)
			s.connections[connection] = known
			if s.gauges[known] == nil {
				s.gauges[known] = &gauge{}
			}
			s.gauges[known].add()
		}
	case http.StateClosed:
		delete(s.connections, connection)
		if there {
			s.gauges["all"].Open--
		}
		if known != "" {
			s.gauges[known].Open--
		}
	}
}

// routeOf is bounded: paths that are none of ours are all one.
func routeOf(r *http.Request) string {
	if r.URL.Path == "/oauth/token" {
		return r.Method + " /oauth/token"
	}
	t, ok := parseTarget(r.URL)
	if !ok || findAct(r.Method, t) == nil {
		return "other"
	}
	return t.route(r.Method)
}

func (s *stats) request(r *http.Request) {
	route := routeOf(r)
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.routes[route]++
	s.protocols[r.Proto]++
	second := int(time.Since(s.since) / time.Second)
	series := s.seconds[route]
	for len(series) <= second {
		series = append(series, 0)
	}
	series[second]++
	s.seconds[route] = series
}

// view is a copy.
func (s *stats) view() map[string]any {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	connections, routes, protocols, seconds := map[string]gauge{}, map[string]uint64{}, map[string]uint64{}, map[string][]uint32{}
	for name, g := range s.gauges {
		connections[name] = *g
	}
	for name, n := range s.routes {
		routes[name] = n
	}
	for name, n := range s.protocols {
		protocols[name] = n
	}
	for name, series := range s.seconds {
		seconds[name] = append([]uint32{}, series...)
	}
	return map[string]any{
		"connections": connections, "requests": routes, "protocols": protocols, "seconds": seconds,
		"elapsed_ms": time.Since(s.since).Milliseconds(),
	}
}
