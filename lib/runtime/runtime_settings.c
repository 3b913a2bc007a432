/* SPDX-License-Identifier: Apache-2.0 */
/* The settings of the runtimes; apart from the drivers, so that the web tier reads the file without linking an engine. */
#include "lib/runtime/runtime.h"

#define AT(member) offsetof(struct runtime_settings, member)

const struct setting runtime_setting_table[] = {
    { .key = "kind", .type = SETTING_STRING, .offset = AT(kind), .preset = "docker",
      .choices = "docker|process", .help = "What sandboxes are made with." },
    { .key = "directory", .type = SETTING_STRING, .offset = AT(directory),
      .preset = "/var/lib/sandbox/containers",
      .help = "Where each container has its directory (socket, secret, workspace), of this installation only: on a disk, "
              "at most 75 bytes, and searchable by all users from the root down." },
    { .key = "executor", .type = SETTING_STRING, .offset = AT(executor), .preset = "",
      .help = "Path of the static executor binary, executable by all users; empty: where it was installed." },
    { .key = "docker_socket", .type = SETTING_STRING, .offset = AT(docker_socket),
      .preset = "/var/run/docker.sock", .help = "The Docker Engine's unix socket." },
    { .key = "docker_host", .type = SETTING_STRING, .offset = AT(docker_host), .preset = "",
      .help = "Another Docker Engine than that at docker_socket: unix:///PATH or tcp://HOST:PORT." },
    { .key = "docker_tls", .type = SETTING_STRING, .offset = AT(docker_tls), .preset = "",
      .help = "Directory of ca.pem, cert.pem and key.pem, as DOCKER_CERT_PATH; tcp:// needs it, unless the engine is on this host's loopback." },
    { .key = "docker_config", .type = SETTING_STRING, .offset = AT(docker_config), .preset = "",
      .help = "A Docker config.json whose `auths` are used when images are pulled, readable by root only; empty: none." },
    { .key = "pull", .type = SETTING_STRING, .offset = AT(pull), .preset = "missing", .choices = "missing|never",
      .help = "Whether images that an engine does not have are pulled." },
    { .key = "process_isolation", .type = SETTING_STRING, .offset = AT(process_isolation),
      .preset = "required", .choices = "required|best-effort",
      .help = "Whether the process runtime may start sandboxes with less than namespaces and resource limits." },
    { .key = "bwrap", .type = SETTING_STRING, .offset = AT(bwrap), .preset = "/usr/bin/bwrap",
      .help = "Path of bubblewrap, for the process runtime." },
    /* the part of the 32-bit range that systemd's own list leaves unused */
    { .key = "uid_base", .type = SETTING_INT, .offset = AT(uid_base), .preset = "1879048192",
      .min = 65536, .max = 4000000000,
      .help = "First host uid of the ranges of 65536 that the process runtime gives to sandboxes." },
};
const size_t runtime_setting_count = sizeof(runtime_setting_table) / sizeof(runtime_setting_table[0]);
