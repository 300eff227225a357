//! Where messages may be sent: any host by http or https, intranets too, but not to what answers on link-local addresses,
//! where clouds hand out their machines' credentials.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::domain::Bilingual;

/// Metadata services at addresses that are not link-local: 阿里云, and Amazon's over IPv6.
const METADATA_V4: Ipv4Addr = Ipv4Addr::new(100, 100, 100, 200);
const METADATA_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254);

/// Whether nothing is sent to an address.
#[must_use]
pub fn is_refused(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(v4) => v4.is_link_local() || v4 == METADATA_V4 || v4.is_broadcast() || v4.is_multicast(),
        IpAddr::V6(v6) => v6.is_unicast_link_local() || v6 == METADATA_V6 || v6.is_multicast(),
    }
}

/// Reads an address messages may be sent to.
///
/// # Errors
/// What is wrong with it; never repeats it, since it may hold a credential.
pub fn read(text: &str) -> Result<Url, Bilingual> {
    let url: Url = text.trim().parse().map_err(|_| {
        Bilingual::new(
            "地址不完整,应形如 https://主机/路径",
            "The address is not complete; it looks like https://host/path",
        )
    })?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(Bilingual::new(
            format!("地址以 {}: 开头,只能用 http 或 https", url.scheme()),
            format!("The address is of {}:; only http and https are sent to", url.scheme()),
        ));
    }
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    if host.parse().is_ok_and(is_refused) {
        return Err(Bilingual::new(
            format!("不能发往 {host}:链路本地、元数据或组播地址"),
            format!("Nothing is sent to {host}: it is a link-local, metadata or multicast address"),
        ));
    }
    Ok(url)
}

/// What of an address may be shown: scheme, host and port.
#[must_use]
pub fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

/// Resolves names, leaving out addresses nothing is sent to.
#[derive(Debug, Clone, Copy)]
pub struct Resolver;

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let good: Vec<SocketAddr> = found.filter(|a| !is_refused(a.ip())).collect();
            if good.is_empty() {
                return Err("主机名没有可以发往的地址".into());
            }
            Ok(Box::new(good.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intranets_are_reached_and_metadata_services_are_not() {
        for good in
            ["http://10.1.2.3:8080/hook", "https://oa.county.gov.cn/x?key=1", "http://127.0.0.1/", "http://[::1]/"]
        {
            assert!(read(good).is_ok(), "{good}");
        }
        for bad in [
            "ftp://host/x",
            "/x",
            "http://169.254.169.254/latest",
            "http://0xa9fea9fe/",
            "http://2852039166/",
            "http://[::ffff:169.254.169.254]/",
            "http://[fe80::1]/",
            "http://100.100.100.200/",
            "http://[fd00:ec2::254]/",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_key_in_the_address_is_not_shown() {
        let url = read("https://user:pass@gateway.example:8443/a/b?key=secret").expect("an address");
        assert_eq!(origin(&url), "https://gateway.example:8443");
    }
}
