//! 逢五说事: its calendar, its agendas, and what becomes of the matters on them.

#![allow(clippy::unwrap_used)]

mod calendar;
