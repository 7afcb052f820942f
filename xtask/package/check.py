"""Checks of what `cargo xtask dist` and the folder `deploy` hold.

check.py sbom FILE                the list of what the binary is made of, against its schema
check.py compose FILE…            files of Docker Compose, against the specification
check.py kubernetes FILE…         that the parts of manifests fit together
check.py variables HELP FILE…     that each SIGNET_… variable is one that the help texts name
"""

import json
import re
import sys
from importlib.resources import files
from pathlib import Path

import yaml


def sbom(path):
    """Schema, and references: each dependency is a component."""
    from jsonschema_rs import Registry, validator_for

    schemas = files("cyclonedx.schema") / "_res"

    def schema(name):
        return json.loads((schemas / f"{name}.SNAPSHOT.schema.json").read_text())

    address = "http://cyclonedx.org/schema/{}.SNAPSHOT.schema.json"
    others = [(address.format(name), schema(name)) for name in ("spdx", "jsf-0.82")]
    document = json.loads(Path(path).read_text())
    errors = validator_for(schema("bom-1.6"), registry=Registry(others)).iter_errors(document)
    yield from (f"{error.instance_path}: {error.message}" for error in errors)
    components = document["components"]
    known = {it["bom-ref"] for it in components} | {document["metadata"]["component"]["bom-ref"]}
    for dependency in document["dependencies"]:
        for reference in [dependency["ref"], *dependency["dependsOn"]]:
            if reference not in known:
                yield f"{reference} is no component"
    names = {it["name"] for it in components}
    for linked in ("axum", "rustls", "sqlx", "wasm-bindgen", "sqlite", "rust", "signet-engine"):
        if linked not in names:
            yield f"{linked} is linked, and not listed"
    for other in ("clap_derive", "insta", "proptest", "serde_derive", "tempfile", "xtask"):
        if other in names:
            yield f"{other} is not linked, and listed"
    for component in components:
        if not component["name"].startswith("signet") and "licenses" not in component:
            yield f"{component['name']} has no licence"


def compose(*paths):
    """The specification, the references, and what each service of this project must have."""
    from compose_spec import PyCompose

    for path in paths:
        text = Path(path).read_text()
        try:
            PyCompose.from_yaml(text).validate()
        except ValueError as error:
            yield f"{path}: {error}"
        for name, service in yaml.safe_load(text)["services"].items():
            if not service.get("read_only"):
                yield f"{path}: the root of {name} can be written"
            if service.get("cap_drop") != ["ALL"]:
                yield f"{path}: {name} keeps capabilities"
            if "no-new-privileges:true" not in service.get("security_opt", []):
                yield f"{path}: {name} can gain privileges"
            for variable, value in service["environment"].items():
                if re.search(r"(PASSWORD|_KEY)$", variable) or re.search(r"://[^/@]*:[^/@]*@", str(value)):
                    yield f"{path}: {name} has a secret in {variable}"


def kubernetes(*paths):
    """Labels, ports, names and the rule of one server for SQLite."""
    for path in paths:
        manifests = [it for it in yaml.safe_load_all(Path(path).read_text()) if it]
        of_kind = {}
        for manifest in manifests:
            of_kind.setdefault(manifest["kind"], []).append(manifest)
        (workload,) = of_kind.get("StatefulSet", []) + of_kind.get("Deployment", [])
        pod = workload["spec"]["template"]
        labels = pod["metadata"]["labels"]
        (container,) = pod["spec"]["containers"]
        ports = {port["name"] for port in container["ports"]}

        def selects(selector):
            return bool(selector) and selector.items() <= labels.items()

        selectors = [("the workload", workload["spec"]["selector"]["matchLabels"])]
        selectors += [("the service", it["spec"]["selector"]) for it in of_kind["Service"]]
        selectors += [("the network policy", it["spec"]["podSelector"]["matchLabels"]) for it in of_kind["NetworkPolicy"]]
        budgets = of_kind.get("PodDisruptionBudget", [])
        selectors += [("the disruption budget", it["spec"]["selector"]["matchLabels"]) for it in budgets]
        for who, selector in selectors:
            if not selects(selector):
                yield f"{path}: {who} selects other pods"
        used = [port["targetPort"] for service in of_kind["Service"] for port in service["spec"]["ports"]]
        used += [container[probe]["httpGet"]["port"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")]
        if not set(used) <= ports:
            yield f"{path}: a port that the container does not name is used: {used}"
        names = {(it["kind"], it["metadata"]["name"]) for it in manifests}
        wanted = {("ServiceAccount", pod["spec"]["serviceAccountName"])}
        for source in container["envFrom"]:
            for kind, reference in (("ConfigMap", "configMapRef"), ("Secret", "secretRef")):
                if reference in source:
                    wanted.add((kind, source[reference]["name"]))
        for kind, name in wanted - names:
            yield f"{path}: there is no {kind} {name}"
        volumes = {it["name"] for it in pod["spec"].get("volumes", [])}
        volumes |= {it["metadata"]["name"] for it in workload["spec"].get("volumeClaimTemplates", [])}
        if {it["name"] for it in container["volumeMounts"]} != volumes:
            yield f"{path}: the volumes are not those that are mounted"
        replicas = workload["spec"]["replicas"]
        on_postgres = any("SIGNET_DATABASE" in it.get("stringData", {}) for it in of_kind.get("Secret", []))
        if not on_postgres and (workload["kind"] != "StatefulSet" or replicas != 1):
            yield f"{path}: SQLite has one server"
        if on_postgres and (replicas < 2 or not budgets):
            yield f"{path}: servers on PostgreSQL are several, with a budget"


def variables(help_file, *paths):
    """Names that no option reads would stop the server."""
    known = set(re.findall(r"SIGNET_[A-Z0-9_]+", Path(help_file).read_text()))
    for path in paths:
        for name in sorted(set(re.findall(r"SIGNET_[A-Z0-9_]+", Path(path).read_text())) - known):
            yield f"{path}: no option reads {name}"


if __name__ == "__main__":
    check = {"sbom": sbom, "compose": compose, "kubernetes": kubernetes, "variables": variables}[sys.argv[1]]
    complaints = list(check(*sys.argv[2:]))
    sys.exit("\n".join(complaints) or 0)
