// Package leasetest is for tests alone: Run is what every lease.Store passes, Redis and the files beside it start real servers, and
// Relay is a network between them and their clients that fails as asked. No program imports it.
package leasetest
