/* The requirements, by chapter of the service guide. */
#include "model/requirements.h"

#define ARCHITECTURE "Architecture"
#define ACTIVATION   "Activation form and order"
#define IKE          "IKE and IPsec"
#define GRE          "GRE"
#define BGP          "BGP and data"

static const struct vc_requirement requirements[VC_REQUIREMENT_LAST] = {
    {"R1", ARCHITECTURE, "Two tunnels an order, one to each DC"},
    {"R2", ARCHITECTURE, "Dual-tier headend: IPsec on one device, GRE and BGP on another"},
    {"R3", ARCHITECTURE, "One CPE: both tunnels active, two eBGP neighbours"},
    {"R4", ARCHITECTURE, "Two CPEs, in one site or two: one tunnel and one neighbour each"},
    {"R5", ARCHITECTURE, "Remote sites reach the hub over the customer's own WAN"},
    {"R6", ARCHITECTURE, "250 Mbit/s a tunnel"},
    {"R7", ARCHITECTURE, "CPEs redistribute what they learn into the enterprise"},
    {"R8", ACTIVATION, "The IPsec source address is public", true},
    {"R9", ACTIVATION, "NAT of the IPsec source is allowed", true},
    {"R10", ACTIVATION, "GRE transports: the customer's own and Cisco's, each a /32", true},
    {"R11", ACTIVATION, "Tunnel addresses from 100.64.0.0/10", true},
    {"R12", ACTIVATION, "A public /24 that the Internet does not route, a /25 of it for each DC", true},
    {"R13", ACTIVATION, "Customer ASN from 64512 to 65534", true},
    {"R14", ACTIVATION, "One order a region, no more than regions purchased", true},
    {"R15", ACTIVATION, "Only a full admin activates", true},
    {"R16", ACTIVATION, "In-Progress, then Activated: Cisco's side is done", true},
    {"R17", ACTIVATION, "The customer cannot change Cisco's crypto settings", true},
    {"R18", ACTIVATION, "The exported form holds no secrets, the settings view does", true},
    {"R19", IKE, "IKEv2 only"},
    {"R20", IKE, "IKE encryption, integrity, PRF and DH group match"},
    {"R21", IKE, "The crypto ACL selects GRE only, /32 to /32"},
    {"R22", IKE, "Outside are UDP 500, 4500 and ESP only; GRE never shows"},
    {"R23", IKE, "The CPE initiates, the DC never does"},
    {"R24", IKE, "Keepalive, BGP or a ping between tunnel addresses triggers the tunnel"},
    {"R25", IKE, "Phase 2 matches: encryption, PFS, tunnel mode, addresses"},
    {"R26", IKE, "The SA does not bounce"},
    {"R27", IKE, "The peer's IPsec address is reachable"},
    {"R28", GRE, "DC keepalives are on by default, off on notification"},
    {"R29", GRE, "The tunnel's transport VRF is the loopback's VRF"},
    {"R30", GRE, "Tunnel address and mask match"},
    {"R31", GRE, "Transport source and destination match"},
    {"R32", GRE, "The firewall lets GRE into and out of IPsec"},
    {"R33", GRE, "An idle tunnel still carries keepalives and BGP, both ways"},
    {"R34", BGP, "The neighbour is the remote tunnel address, ASNs match"},
    {"R35", BGP, "The firewall lets TCP 179 through GRE"},
    {"R36", BGP, "The BGP password matches"},
    {"R37", BGP, "Each DC sends its own /25 and the shared /24"},
    {"R38", BGP, "The CPE sends a default route, more-specifics are refused"},
    {"R39", BGP, "Both up: each tunnel carries its own DC's traffic only"},
    {"R40", BGP, "One down: the other carries both, over Cisco's WAN, and back"},
    {"R41", BGP, "Entering by the wrong DC returns by the other tunnel"},
    {"R42", BGP, "MSS 1350 and tunnel path MTU discovery at both ends"},
};

const struct vc_requirement *vc_requirement(unsigned number)
{
    return number >= 1 && number <= VC_REQUIREMENT_LAST ? &requirements[number - 1] : NULL;
}

json_t *vc_requirement_ids(const char *const *ids, size_t count)
{
    json_t *list = json_array();

    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, json_string(ids[i]));
    return list;
}
