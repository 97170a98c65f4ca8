package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// authority signs the certificates of one fake cloud.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func serial() *big.Int {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		panic(err) // a machine without random numbers
	}
	return n
}

// newAuthority makes one; its certificate is DER.
func newAuthority(name string) (authority, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return authority{}, nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          serial(),
		Subject:               pkix.Name{CommonName: name},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().AddDate(10, 0, 0),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return authority{}, nil, err
	}
	certificate, err := x509.ParseCertificate(der)
	return authority{certificate, key}, der, err
}

func readBlock(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New(path + " is no PEM file")
	}
	return block.Bytes, nil
}

func writeBlock(path, kind string, der []byte, mode os.FileMode) error {
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), mode)
}

// loadAuthority reads the one of a cloud that ran before.
func loadAuthority(certFile, keyFile string) (authority, error) {
	certDER, err := readBlock(certFile)
	if err != nil {
		return authority{}, err
	}
	keyDER, err := readBlock(keyFile)
	if err != nil {
		return authority{}, err
	}
	certificate, err := x509.ParseCertificate(certDER)
	if err != nil {
		return authority{}, err
	}
	key, err := x509.ParseECPrivateKey(keyDER)
	return authority{certificate, key}, err
}

// keepAuthority reads it, or makes it and writes it down.
func keepAuthority(folder string) (authority, string, error) {
	certFile, keyFile := filepath.Join(folder, "ca.pem"), filepath.Join(folder, "ca.key")
	known, err := loadAuthority(certFile, keyFile)
	if err == nil || !errors.Is(err, os.ErrNotExist) {
		return known, certFile, err
	}
	made, der, err := newAuthority("fake cloud")
	if err != nil {
		return made, "", err
	}
	keyDER, err := x509.MarshalECPrivateKey(made.key)
	if err != nil {
		return made, "", err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return made, "", err
	}
	if err := writeBlock(keyFile, "EC PRIVATE KEY", keyDER, 0o600); err != nil {
		return made, "", err
	}
	return made, certFile, writeBlock(certFile, "CERTIFICATE", der, 0o644)
}

// sign makes the certificate of a server; age moves its time of a day into the past.
func (a authority) sign(names []string, age time.Duration) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	from := time.Now().Add(-time.Hour - age)
	template := &x509.Certificate{
		SerialNumber: serial(),
		Subject:      pkix.Name{CommonName: names[0]},
		DNSNames:     names,
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		NotBefore:    from,
		NotAfter:     from.Add(24 * time.Hour),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, &key.PublicKey, a.key)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}

// makeTLS gives good certificates, and bad ones to who asks for these names.
func makeTLS(folder string) (*tls.Config, string, error) {
	folder, err := filepath.Abs(folder)
	if err != nil {
		return nil, "", err
	}
	own, caFile, err := keepAuthority(folder)
	if err != nil {
		return nil, "", err
	}
	other, _, err := newAuthority("another cloud")
	if err != nil {
		return nil, "", err
	}
	good, err := own.sign([]string{"localhost", "other.localhost", "*.cloud.localhost"}, 0)
	if err != nil {
		return nil, "", err
	}
	expired, err := own.sign([]string{"expired.localhost"}, 48*time.Hour)
	if err != nil {
		return nil, "", err
	}
	wrong, err := own.sign([]string{"another.example"}, 0)
	if err != nil {
		return nil, "", err
	}
	untrusted, err := other.sign([]string{"untrusted.localhost"}, 0)
	if err != nil {
		return nil, "", err
	}
	bad := map[string]*tls.Certificate{
		"expired.localhost": expired, "wrong.localhost": wrong, "untrusted.localhost": untrusted,
	}
	choose := func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		if certificate := bad[strings.ToLower(hello.ServerName)]; certificate != nil {
			return certificate, nil
		}
		return good, nil
	}
	return &tls.Config{
		GetCertificate: choose,
		MinVersion:     tls.VersionTLS12,
		NextProtos:     []string{"h2", "http/1.1"},
	}, caFile, nil
}
