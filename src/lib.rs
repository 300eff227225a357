//! Yitu.
