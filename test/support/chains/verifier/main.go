// Says what Go's crypto/x509 thinks of each chain that it reads, as crypto/tls, and so kubectl, asks it.
//
// It reads a JSON array of chains from standard input, and writes a JSON object of verdicts by name.
package main

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
)

type chain struct {
	Name   string
	Host   string
	Bundle string
	Chain  string
}

func main() {
	var chains []chain
	if err := json.NewDecoder(os.Stdin).Decode(&chains); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	verdicts := map[string]string{}
	for _, it := range chains {
		verdicts[it.Name] = verdict(it)
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(verdicts); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func verdict(it chain) string {
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(it.Bundle)) {
		return "no anchor"
	}
	presented, err := parse([]byte(it.Chain))
	if err != nil {
		return "no certificate"
	}
	intermediates := x509.NewCertPool()
	for _, certificate := range presented[1:] {
		intermediates.AddCert(certificate)
	}
	_, err = presented[0].Verify(x509.VerifyOptions{
		Roots:         roots,
		Intermediates: intermediates,
		DNSName:       it.Host,
	})
	return describe(err)
}

func parse(text []byte) ([]*x509.Certificate, error) {
	var certificates []*x509.Certificate
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		certificates = append(certificates, certificate)
	}
	if len(certificates) == 0 {
		return nil, errors.New("no certificate")
	}
	return certificates, nil
}

func describe(err error) string {
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	var critical x509.UnhandledCriticalExtension
	var invalid x509.CertificateInvalidError
	switch {
	case err == nil:
		return "trusted"
	case errors.As(err, &authority):
		return "unknown authority"
	case errors.As(err, &host):
		return "wrong host"
	case errors.As(err, &critical):
		return "unknown critical extension"
	case errors.As(err, &invalid):
		return reason(invalid.Reason)
	default:
		return err.Error()
	}
}

func reason(it x509.InvalidReason) string {
	switch it {
	case x509.Expired:
		return "expired or not yet valid"
	case x509.CANotAuthorizedForThisName:
		return "name constraint"
	case x509.IncompatibleUsage:
		return "other use"
	case x509.NotAuthorizedToSign:
		return "no CA"
	case x509.TooManyIntermediates:
		return "too many intermediates"
	default:
		return fmt.Sprintf("invalid (%d)", it)
	}
}
