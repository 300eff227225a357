//! Yitu (一图统揽): the live map server for governing a county by grids.
//!
//! Imports run downwards only: `geo` ← `domain` ← {`atlas`, `tiles`, `dispatch`, `planning`, `access`, `db`}
//! ← `service` ← `http` ← `cli`, `demo`. The modules in braces are siblings and never import each other.

pub mod geo;

pub mod domain;

pub mod access;
pub mod atlas;
pub mod db;
pub mod dispatch;
pub mod planning;
pub mod tiles;

pub mod service;

pub mod http;

pub mod cli;
pub mod config;

pub mod demo;
