// Command fakecloud is a cloud for tests: see README.md beside this file.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
)

// options are what the command line says.
type options struct {
	http, https, http2 string
	admin              string
	caDir              string
	clients            map[string]string
	seed               uint64
	settings           settings
	stopped            bool
}

func parseOptions(args []string) (options, error) {
	o := options{clients: map[string]string{"davit": "davit-secret"}, settings: defaultSettings()}
	flags := flag.NewFlagSet("fakecloud", flag.ContinueOnError)
	flags.StringVar(&o.http, "http", "127.0.0.1:0", "address of the API over plain HTTP/1.1; - is none")
	flags.StringVar(&o.https, "https", "127.0.0.1:0", "address of the API over TLS, HTTP/1.1 and 2; - is none")
	flags.StringVar(&o.http2, "http2", "-", "address that speaks HTTP/2 by the script of the admin's /http2; - is none")
	flags.StringVar(&o.admin, "admin", "127.0.0.1:0", "address of the test's own interface")
	flags.StringVar(&o.caDir, "ca-dir", "", "folder of ca.pem and ca.key, which are made where they are missing")
	flags.Uint64Var(&o.seed, "seed", 1, "of ids, tokens and faults")
	flags.Int64Var(&o.settings.ListDelayMs, "list-delay-ms", 0, "how long lists miss what is new")
	flags.Int64Var(&o.settings.TokenSeconds, "token-seconds", o.settings.TokenSeconds, "how long a token lives")
	flags.BoolVar(&o.stopped, "clock-stopped", false, "time moves only when it is told to")
	flags.Func("client", "ID:SECRET that may have tokens (instead of davit:davit-secret)", func(s string) error {
		id, secret, found := strings.Cut(s, ":")
		if !found {
			return fmt.Errorf("no colon in it")
		}
		o.clients = map[string]string{id: secret}
		return nil
	})
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if (o.https != "-" || o.http2 != "-") && o.caDir == "" {
		return o, fmt.Errorf("--https and --http2 need --ca-dir")
	}
	return o, nil
}

// ready is the line that says where everything is.
type ready struct {
	HTTP   string `json:"http,omitempty"`
	HTTPS  string `json:"https,omitempty"`
	HTTP2  string `json:"http2,omitempty"`
	Admin  string `json:"admin"`
	CAFile string `json:"ca_file,omitempty"`
}

// serve begins to serve at an address and returns its URL; "-" is no address.
func serve(server *http.Server, scheme, address string, wrap func(net.Listener) net.Listener) (string, error) {
	if address == "-" {
		return "", nil
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return "", err
	}
	listener = wrap(listener)
	go func() {
		if scheme == "https" {
			_ = server.ServeTLS(listener, "", "")
		} else {
			_ = server.Serve(listener)
		}
	}()
	return scheme + "://" + listener.Addr().String(), nil
}

// start serves everything and says where.
func start(o options) (*cloud, ready, error) {
	var said ready
	var err error

	c := newCloud(o)
	if said.HTTP, err = serve(c.server(nil), "http", o.http, c.plan.listen); err != nil {
		return nil, said, err
	}
	if o.https != "-" || o.http2 != "-" {
		config, caFile, err := makeTLS(o.caDir)
		if err != nil {
			return nil, said, err
		}
		said.CAFile = caFile
		if said.HTTPS, err = serve(c.server(config), "https", o.https, c.plan.listen); err != nil {
			return nil, said, err
		}
		if said.HTTP2, err = c.listenFrames(o.http2, config); err != nil {
			return nil, said, err
		}
	}
	asIs := func(l net.Listener) net.Listener { return l }
	said.Admin, err = serve(&http.Server{Handler: c.admin()}, "http", o.admin, asIs)
	return c, said, err
}

// run serves until its input ends.
func run(args []string, in io.Reader, out io.Writer) error {
	o, err := parseOptions(args)
	if err != nil {
		return err
	}
	_, said, err := start(o)
	if err != nil {
		return err
	}
	if err := json.NewEncoder(out).Encode(said); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, in)
	return err
}

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "fakecloud:", err)
		os.Exit(1)
	}
}
