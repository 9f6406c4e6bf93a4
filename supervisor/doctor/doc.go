// Package doctor says what is right and what is wrong with a bot's surroundings. It is pure: what there is comes in
// as facts and as the text of files, what is to be said goes out as lines with a verdict and the next step. Who
// gathers the facts, and who prints the lines, is the business of cmd/botctl.
//
// Read reads the files of a project's folder: what they would start (Procfile, compose files, systemd units,
// Dockerfiles, package.json, and the files of platforms), what it is written with, and whether its sources poll and
// take their server from TELEGRAM_API_BASE. Judge puts all that together with what was seen of the machine
// and the Bot API. No text of a file is ever quoted but names, versions and the numbers of lines.
package doctor
