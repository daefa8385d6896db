//! SIP messages (RFC 3261), read leniently.
