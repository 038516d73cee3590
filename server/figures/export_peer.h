/* SPDX-License-Identifier: Apache-2.0 */
/* export_peer.h - quartiles as fields: <indicator>_p25, _p50, _p75, _n; of PEERS_MIN or more. */
#ifndef SERVER_EXPORT_PEER_H
#define SERVER_EXPORT_PEER_H

#include "server/figures/export_line.h"
#include "server/figures/figures_peer.h"

void export_peer_fields(struct export_line *line, const struct figures_peers *peers);

#endif
