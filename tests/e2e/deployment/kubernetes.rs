//! The manifests: what one says of another is true.

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

use super::{at, check, folder, programs, seconds, text, yaml};

const DEPLOYMENT: &str = "kubernetes/deployment.yaml";

/// All manifests by their kind and name.
fn manifests() -> BTreeMap<String, Value> {
    let entries = std::fs::read_dir(folder().join("kubernetes")).expect("a folder");
    let names = entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
    let manifests =
        names.filter(|name| name.ends_with(".yaml")).map(|name| yaml(&format!("kubernetes/{name}")));
    manifests
        .map(|manifest| (format!("{}/{}", at(&manifest, "/kind"), at(&manifest, "/metadata/name")), manifest))
        .collect()
}

/// The proxy's container.
fn container(deployment: &Value) -> &Value {
    &deployment["spec"]["template"]["spec"]["containers"][0]
}

#[test]
fn the_configuration_and_its_plugin_are_good() {
    let manifests = manifests();
    let module = at(&manifests["ConfigMap/pointsman-policies"], "/binaryData/first.wasm");
    let module = BASE64_STANDARD.decode(module).expect("base64");
    let source = wat::parse_str(text("kubernetes/first.wat")).expect("a module");
    assert!(module == source, "binaryData isn't first.wat: {}", BASE64_STANDARD.encode(source));
    // As the kubelet puts a volume in place: what is mounted are links through `..data`.
    let mount = tempfile::tempdir().expect("a directory");
    let version = mount.path().join("..2026_11_27_02_04_20.1234567890");
    std::fs::create_dir_all(version.join("policies")).expect("a directory");
    std::fs::write(version.join("policies/first.wasm"), module).expect("a plugin");
    let configuration = at(&manifests["ConfigMap/pointsman"], "/data/pointsman.toml");
    std::fs::write(version.join("pointsman.toml"), configuration).expect("a configuration");
    symlink(version.file_name().expect("a name"), mount.path().join("..data")).expect("a link");
    for name in ["pointsman.toml", "policies"] {
        symlink(format!("..data/{name}"), mount.path().join(name)).expect("a link");
    }
    check(&mount.path().join("pointsman.toml"));
}

#[test]
fn a_pod_has_the_time_to_drain_and_probes_of_its_own() {
    let manifests = manifests();
    let deployment = &manifests["Deployment/pointsman"];
    let configuration = at(&manifests["ConfigMap/pointsman"], "/data/pointsman.toml");
    let grace =
        deployment.pointer("/spec/template/spec/terminationGracePeriodSeconds").and_then(Value::as_u64);
    let (delay, drain) = (seconds(configuration, "drain_delay"), seconds(configuration, "drain_timeout"));
    assert!(delay > 0 && grace > Some(delay + drain), "{grace:?} for {delay} and {drain}");

    let container = container(deployment);
    let port = |name: &str| {
        let ports = container["ports"].as_array().expect("ports");
        ports.iter().find(|port| port["name"] == name).expect("the port")["containerPort"].clone()
    };
    let (http, metrics) = (port("http"), port("metrics"));
    assert!(configuration.contains(&format!("[[listener]]\naddress = \"0.0.0.0:{http}\"")));
    assert!(configuration.contains(&format!("[metrics]\naddress = \"0.0.0.0:{metrics}\"")));
    for (probe, path) in
        [("startupProbe", "/ready"), ("readinessProbe", "/ready"), ("livenessProbe", "/live")]
    {
        let asked = &container[probe]["httpGet"];
        assert_eq!((at(asked, "/path"), at(asked, "/port")), (path, "metrics"), "{probe}");
    }
    assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true);
    // Where the proxy writes, a volume is.
    let state = format!("state_dir = \"{}\"", at(container, "/volumeMounts/1/mountPath"));
    assert!(configuration.contains(&state), "{state}");
}

#[test]
fn manifests_name_each_other() {
    let manifests = manifests();
    let labels = &manifests["Deployment/pointsman"]["spec"]["template"]["metadata"]["labels"];
    for pointer in [
        ("Deployment/pointsman", "/spec/selector/matchLabels"),
        ("Service/pointsman", "/spec/selector"),
        ("PodDisruptionBudget/pointsman", "/spec/selector/matchLabels"),
    ] {
        assert_eq!(manifests[pointer.0].pointer(pointer.1), Some(labels), "{pointer:?}");
    }
    assert_eq!(at(&manifests["Service/pointsman"], "/spec/ports/0/targetPort"), "http");
    assert_eq!(at(&manifests["HorizontalPodAutoscaler/pointsman"], "/spec/scaleTargetRef/name"), "pointsman");
    let sources =
        &manifests["Deployment/pointsman"]["spec"]["template"]["spec"]["volumes"][0]["projected"]["sources"];
    for source in sources.as_array().expect("sources") {
        let map = &manifests[&format!("ConfigMap/{}", at(source, "/configMap/name"))];
        for item in source["configMap"]["items"].as_array().into_iter().flatten() {
            assert!(map["binaryData"].get(at(item, "/key")).is_some(), "{item}");
        }
    }
}

/// Skipped where PyPI's `kubernetes-validate` isn't installed.
#[test]
fn kubernetes_takes_the_manifests_and_no_unknown_key() {
    let validate =
        |path: &str| programs::run(&folder(), "kubernetes-validate", &["--strict", "-k", "1.33", path]);
    for entry in std::fs::read_dir(folder().join("kubernetes")).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        let Some(checked) = validate(path.to_str().expect("a name")) else { return };
        assert!(checked.status.success(), "{}", programs::text(&checked));
    }
    let wrong = tempfile::NamedTempFile::with_suffix(".yaml").expect("a file");
    std::fs::write(wrong.path(), text(DEPLOYMENT).replace("readinessProbe:", "readynessProbe:"))
        .expect("a copy");
    let checked = validate(wrong.path().to_str().expect("a name")).expect("it was there");
    assert!(!checked.status.success() && programs::text(&checked).contains("readynessProbe"), "{checked:?}");
}
