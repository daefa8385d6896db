//! Dialogs, legs and the matcher: datagrams in, calls out.
