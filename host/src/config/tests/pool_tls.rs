//! `[pool.NAME.tls]`.

use std::path::Path;

use super::*;

fn tls(keys: &str) -> Option<PoolTlsConfig> {
    good(&format!("{LISTENER}{POOL}{keys}")).pools.remove(0).tls
}

#[test]
fn backends_are_verified_unless_that_is_turned_off() {
    assert_eq!(tls(""), None);
    let bare = tls("tls = {}").unwrap();
    assert_eq!((&bare.server_name, &bare.ca, &bare.identity), (&None, &None, &None));
    assert!(!bare.insecure_skip_verify);
    assert_eq!(tls("\n\n[pool.a.tls]"), Some(bare), "wherever it stands");
    let whole =
        tls("tls = { server_name = '10.0.0.1', ca = 'ca.crt', cert = 'us.crt', key = 'us.key' }").unwrap();
    assert_eq!(whole.server_name.as_deref(), Some("10.0.0.1"));
    assert!(whole.ca.unwrap().path.ends_with(Path::new("ca.crt")));
    assert!(whole.identity.unwrap().key.path.ends_with("us.key"));
    assert!(tls("tls.insecure_skip_verify = true").unwrap().insecure_skip_verify);
}

#[test]
fn a_host_is_kept_beside_its_address() {
    let pool =
        "[pool.a]\nbackends = ['localhost:9', { address = '127.0.0.1:7', check_address = 'localhost:8' }]\n";
    let config = good(&format!("{LISTENER}{pool}health_check.type = 'tcp'"));
    let hosts = |backend: &BackendConfig| (backend.host.clone(), backend.check_host.clone());
    let hosts: Vec<_> = config.pools[0].backends.iter().map(hosts).collect();
    let localhost = || Some("localhost".to_owned());
    assert_eq!(hosts, [(localhost(), None), (None, localhost())]);
}

#[test]
fn faults_of_a_pool_s_tls() {
    check_all(
        &format!("{LISTENER}{POOL}{{}}"),
        &[
            (
                "tls = true",
                &[
                    "5: pool.a.tls: is a boolean, not a table; write `[pool.NAME.tls]` above its keys, or `tls = {}` in the pool",
                ],
            ),
            (
                "tls = { server_name = 'a b', cert = 'us.crt' }",
                &[
                    "5: pool.a.tls.server_name: `a b` is no host name; write the name that the backends' certificates are for, such as `\"api.example.com\"`",
                    "5: pool.a.tls.key: is missing: the certificate alone is no use; write `key = \"proxy.key\"`",
                ],
            ),
            (
                "tls = { ca = 'ca.crt', key = 'us.key', insecure_skip_verify = true }",
                &[
                    "5: pool.a.tls.cert: is missing: the key alone is no use; write `cert = \"proxy.crt\"`",
                    "5: pool.a.tls.ca: isn't used: with `insecure_skip_verify` nothing is verified; remove `insecure_skip_verify`",
                ],
            ),
            (
                "tls = { sni = 'a' }",
                &[
                    "5: pool.a.tls.sni: unknown key `sni`; the keys here are `server_name`, `ca`, `cert`, `key`, `insecure_skip_verify`",
                ],
            ),
        ],
    );
}
