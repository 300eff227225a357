//! The layers of the map, each over one `layer_…` view of the database.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// No layer has this name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("no layer is called {0:?}")]
pub struct UnknownLayer(pub String);

macro_rules! layers {
    ($($variant:ident $name:literal $zh:literal;)*) => {
        /// One layer.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Layer {
            $(#[doc = $zh] $variant,)*
        }

        impl Layer {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Its name in paths, tiles, the change log and the command line.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// Its Chinese name.
            #[must_use]
            pub fn title(self) -> &'static str {
                match self { $(Self::$variant => $zh,)* }
            }
        }
    };
}

layers! {
    Region "region" "辖区";
    VillagerGroup "villager_group" "村民小组";
    Settlement "settlement" "自然村";
    Grid "grid" "网格";
    PartyOrg "party_org" "党组织";
    Household "household" "户";
    Responder "responder" "办理人";
    Venue "venue" "阵地";
    Cluster "cluster" "联村联社";
    BusLine "bus_line" "公交线路";
    Road "road" "道路";
    SocialOrg "social_org" "社会组织";
    Incident "incident" "事件";
    Water "water" "水系";
    LandUse "land_use" "地类";
    Building "building" "房屋";
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Layer {
    type Err = UnknownLayer;

    fn from_str(name: &str) -> Result<Self, UnknownLayer> {
        Self::ALL.iter().copied().find(|l| l.name() == name).ok_or_else(|| UnknownLayer(name.to_owned()))
    }
}
