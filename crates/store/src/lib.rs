//! Recordings, records, kept packets and the index.
