package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/CycloneDX/cyclonedx-gomod/pkg/generate/bin"
	"github.com/CycloneDX/cyclonedx-gomod/pkg/licensedetect/local"
	"github.com/rs/zerolog"
)

// makeSBOM lists what is in a binary, read from the binary itself: the modules that the linker put there, with their
// hashes and licences, and the Go release. Its time is the commit's, its number follows from the bytes.
func makeSBOM(b binary, ver version) ([]byte, error) {
	g, err := bin.NewGenerator(b.path, bin.WithIncludeStdlib(true), bin.WithVersionOverride(ver.semver),
		bin.WithLicenseDetector(local.NewDetector(zerolog.Nop())), bin.WithLogger(zerolog.Nop()))
	if err != nil {
		return nil, fmt.Errorf("SBOM for %s: %w", b.platform, err)
	}
	bom, err := g.Generate()
	if err != nil {
		return nil, fmt.Errorf("SBOM for %s: %w", b.platform, err)
	}
	data, err := os.ReadFile(b.path)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(data)
	sum[6], sum[8] = sum[6]&0x0f|0x80, sum[8]&0x3f|0x80 // a UUID of one's own making, RFC 9562 version 8
	bom.SerialNumber = fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
	bom.Metadata.Timestamp = ver.when.Format(time.RFC3339)
	*bom.Metadata.Properties = append(*bom.Metadata.Properties, cdx.Property{Name: "botctl:commit", Value: ver.commit})
	var buf bytes.Buffer
	if err := cdx.NewBOMEncoder(&buf, cdx.BOMFileFormatJSON).SetPretty(true).Encode(bom); err != nil {
		return nil, fmt.Errorf("SBOM for %s: %w", b.platform, err)
	}
	return buf.Bytes(), nil
}
