//! Who is asking: every read, cache key and stream takes one.

use crate::domain::FeatureId;

/// What a viewer is here to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Sees the whole county in full.
    County,
}

/// The part of the county a viewer may see.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Scope {
    /// All of it.
    WholeCounty,
}

/// What of the data a viewer gets: viewers with the same access get the same bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Access {
    role: Role,
    scope: Scope,
}

impl Access {
    /// Whether personal data is shown.
    #[must_use]
    pub fn sees_personal(&self) -> bool {
        match self.role {
            Role::County => true,
        }
    }
}

/// A principal with its scope.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Viewer {
    county_id: FeatureId,
    role: Role,
    scope: Scope,
    name: String,
}

impl Viewer {
    /// A viewer of a whole county. `name` is what history rows call them.
    #[must_use]
    pub fn whole_county(county_id: FeatureId, name: impl Into<String>) -> Self {
        Self { county_id, role: Role::County, scope: Scope::WholeCounty, name: name.into() }
    }

    /// The county all reads of this viewer are held to.
    #[must_use]
    pub fn county_id(&self) -> FeatureId {
        self.county_id
    }

    /// Their role.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// Their scope.
    #[must_use]
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// What of the data they get.
    #[must_use]
    pub fn access(&self) -> Access {
        Access { role: self.role, scope: self.scope.clone() }
    }

    /// Their name, as history rows record it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}
