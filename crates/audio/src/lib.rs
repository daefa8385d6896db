//! Payloads to PCM: codecs, concealment, mixing.
