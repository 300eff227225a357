//! Who is asking: every read, cache key and stream takes one.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::incident::coded;
use crate::domain::FeatureId;

coded! {
    /// What a viewer is here to do.
    Role {
        /// Leads the county: sees all of it, watches over matters.
        CountyLeader = "county_leader", "县领导";
        /// On duty for the county or for a township, as far as the scope goes.
        DutyOfficer = "duty_officer", "值班员";
        /// Plans and follows up for a township.
        TownshipStaff = "township_staff", "乡镇干部";
        /// Of a village's two committees.
        VillageCadre = "village_cadre", "村干部";
        /// Answers for a grid.
        GridWorker = "grid_worker", "网格员";
        /// Takes part in matters, such as one of the six officers of a village.
        Responder = "responder", "办理人";
        /// Of a department that is called for help.
        Department = "department", "职能部门";
        /// A big screen: sums, and of each matter what it is, where, in which state and since when.
        Wall = "wall", "指挥大屏";
        /// A program such as QGIS.
        GisClient = "gis_client", "GIS 客户端";
        /// Runs the system; sees nobody's data.
        SystemAdmin = "system_admin", "系统管理员";
        /// Says who may see what; sees nobody's data.
        SecurityAdmin = "security_admin", "安全管理员";
        /// Reads the audit log, and nothing else.
        Auditor = "auditor", "审计员";
        /// The program itself: its clock, its command line. No account has it.
        System = "system", "系统";
    }
}

impl Role {
    /// The three that are kept apart (三员分立): whoever has one sees nothing of the county.
    #[must_use]
    pub fn administers(self) -> bool {
        matches!(self, Self::SystemAdmin | Self::SecurityAdmin | Self::Auditor)
    }

    /// Whether households are anything they deal with.
    #[must_use]
    pub fn meets_people(self) -> bool {
        !self.administers() && !matches!(self, Self::Wall | Self::Department)
    }

    /// Those an account may have.
    pub fn of_accounts() -> impl Iterator<Item = Self> {
        Self::ALL.iter().copied().filter(|role| *role != Self::System)
    }
}

/// How much of a household a viewer may know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sight {
    /// Not that it exists.
    Nothing,
    /// Where it is and what kind, with names and addresses masked.
    Masked,
    /// All of it.
    Full,
}

/// How far what somebody may know of reaches, before its rows are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Everything, whatever is restricted too: the program itself.
    Every,
    /// All of it.
    All,
    /// What lies in the scope.
    Part,
    /// Nothing.
    None,
}

impl Reach {
    /// As the database's policies call it.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Every => "every",
            Self::All => "all",
            Self::Part => "part",
            Self::None => "none",
        }
    }
}

/// The part of a county that is someone's.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Scope {
    /// All of it.
    pub whole: bool,
    /// Regions, with all that are under them.
    pub regions: BTreeSet<FeatureId>,
    /// Grids: those of the regions, and others.
    pub grids: BTreeSet<FeatureId>,
    /// Grids whose people are seen in full.
    pub in_full: BTreeSet<FeatureId>,
    /// Households they are linked to: in scope and seen in full, wherever they are.
    pub households: BTreeSet<FeatureId>,
    /// Units they act for.
    pub units: BTreeSet<FeatureId>,
    /// As whom of the people who act.
    pub responder: Option<FeatureId>,
}

/// A principal with its scope. Cloning shares it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Viewer {
    county_id: FeatureId,
    account_id: Option<FeatureId>,
    role: Role,
    scope: Arc<Scope>,
    name: Arc<str>,
}

impl Viewer {
    /// The program itself, for a whole county. `name` is what history rows call it.
    #[must_use]
    pub fn whole_county(county_id: FeatureId, name: impl Into<Arc<str>>) -> Self {
        let scope = Arc::new(Scope { whole: true, ..Scope::default() });
        Self { county_id, account_id: None, role: Role::System, scope, name: name.into() }
    }

    /// Whoever an account is for.
    #[must_use]
    pub fn of_account(
        county_id: FeatureId,
        account_id: FeatureId,
        name: impl Into<Arc<str>>,
        role: Role,
        scope: Scope,
    ) -> Self {
        Self { county_id, account_id: Some(account_id), role, scope: Arc::new(scope), name: name.into() }
    }

    /// Which households come into question.
    #[must_use]
    pub fn reach_of_people(&self) -> Reach {
        match self.role {
            Role::System => Reach::All,
            role if !role.meets_people() => Reach::None,
            _ if self.scope.whole => Reach::All,
            _ => Reach::Part,
        }
    }

    /// Which matters come into question.
    #[must_use]
    pub fn reach_of_matters(&self) -> Reach {
        match self.role {
            Role::System => Reach::Every,
            role if role.administers() => Reach::None,
            _ if self.scope.whole => Reach::All,
            _ => Reach::Part,
        }
    }

    /// Whether another time's viewer may see what this one may.
    #[must_use]
    pub fn sees_as(&self, other: &Self) -> bool {
        self.role == other.role && self.scope == other.scope
    }

    /// The county all reads of this viewer are held to.
    #[must_use]
    pub fn county_id(&self) -> FeatureId {
        self.county_id
    }

    /// Their account, where it is not the program itself.
    #[must_use]
    pub fn account_id(&self) -> Option<FeatureId> {
        self.account_id
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

    /// Their name, as history rows record it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}
