// Package frameworks has a small bot for each of the frameworks that botctl is tried with, and the tests that run each
// of them under a real botctl, against a sandbox of its own, through what happens to bots. scripts/matrix runs
// them, and docs/frameworks.md is what they came to.
//
// The bots are written as the README of their framework does it; a text "work MS ..." takes MS milliseconds.
// They are pinned by python/requirements.txt, node/package-lock.json and go/go.mod, a module of its own.
package frameworks
