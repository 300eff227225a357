//! The PostgreSQL servers installed on this machine.

use std::path::PathBuf;

/// One major version's programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Install {
    pub major: u32,
    pub bin: PathBuf,
    pub has_postgis: bool,
}

impl Install {
    /// All of them, newest first: Debian's layout, then whatever `pg_config` on the path names.
    pub fn all() -> Vec<Self> {
        let mut found: Vec<Self> = std::fs::read_dir("/usr/lib/postgresql")
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| {
                let major: u32 = entry.file_name().to_str()?.parse().ok()?;
                let share = PathBuf::from(format!("/usr/share/postgresql/{major}"));
                Some(Self { major, bin: entry.path().join("bin"), has_postgis: has_postgis(&share) })
            })
            .filter(|i| i.bin.join("postgres").exists())
            .collect();
        if let Some(own) = Self::by_pg_config()
            && found.iter().all(|i| i.major != own.major)
        {
            found.push(own);
        }
        found.sort_by_key(|i| std::cmp::Reverse(i.major));
        found
    }

    fn by_pg_config() -> Option<Self> {
        let ask = |what: &str| {
            let output = std::process::Command::new("pg_config").arg(what).output().ok()?;
            Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
        };
        let bin = PathBuf::from(ask("--bindir")?);
        // "PostgreSQL 15.18 (Debian …)"
        let version = ask("--version")?;
        let major = version.split_whitespace().nth(1)?.split('.').next()?.parse().ok()?;
        let share = PathBuf::from(ask("--sharedir")?);
        bin.join("postgres").exists().then(|| Self { major, bin, has_postgis: has_postgis(&share) })
    }
}

fn has_postgis(share: &std::path::Path) -> bool {
    share.join("extension/postgis.control").exists()
}
