//! The API server: a few blocking requests, and what its errors mean.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use ::kube::config::{KubeConfigOptions, Kubeconfig};
use ::kube::{Client, Config};
use futures::AsyncBufReadExt;
use http::{Method, Request};
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

use super::object::Object;
use crate::error::{Error, Kind, Result};

/// Until an answer begins to come.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// Where the cluster is, as a user of kubectl says it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Access {
    /// `--kubeconfig`.
    pub kubeconfig: Option<PathBuf>,
    /// `--context`.
    pub context: Option<String>,
    /// `--namespace`.
    pub namespace: Option<String>,
}

/// What of a list is wanted.
#[derive(Debug, Clone, Copy, Default)]
pub struct Select<'a> {
    /// Label selector.
    pub labels: &'a str,
    /// Field selector.
    pub fields: &'a str,
    /// At most so many; 0: all.
    pub limit: u32,
}

/// What became of making an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Made {
    /// It is there now.
    New,
    /// One of its name was there before; it is unchanged.
    Exists,
}

/// A cluster and a namespace in it. Not shared between threads.
pub struct Cluster {
    runtime: Runtime,
    client: Client,
    namespace: String,
    server: String,
}

impl fmt::Debug for Cluster {
    /// Says nothing of credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cluster({}, {})", self.server, self.namespace)
    }
}

impl Cluster {
    /// By the kubeconfig that kubectl would take, or by the service account of the pod.
    ///
    /// # Errors
    /// `Usage`: there is none, or it is wrong.
    pub fn connect(access: &Access) -> Result<Self> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|e| Error::transient("cannot start a runtime for the API server").because(e))?;
        let options = KubeConfigOptions { context: access.context.clone(), ..KubeConfigOptions::default() };
        let config = runtime.block_on(async {
            match &access.kubeconfig {
                Some(path) => {
                    let file = Kubeconfig::read_from(path).map_err(|e| unusable(path.display(), e))?;
                    Config::from_custom_kubeconfig(file, &options)
                        .await
                        .map_err(|e| unusable(path.display(), e))
                }
                None if access.context.is_some() => {
                    Config::from_kubeconfig(&options).await.map_err(|e| unusable("KUBECONFIG", e))
                }
                None => Config::infer().await.map_err(|e| {
                    Error::usage("no cluster is known: give --kubeconfig, set KUBECONFIG, or run in a pod")
                        .because(e)
                }),
            }
        })?;
        let namespace = access.namespace.clone().unwrap_or_else(|| config.default_namespace.clone());
        let server = config.cluster_url.to_string();
        let client = {
            let _entered = runtime.enter();
            Client::try_from(config).map_err(|e| unusable(&server, e))?
        };
        Ok(Self { runtime, client, namespace, server })
    }

    /// The namespace in which everything happens.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    fn path(&self, object: Object, name: Option<&str>, query: &[(&str, &str)]) -> String {
        let (group, plural, _) = object.names();
        let namespace = if matches!(object, Object::Node | Object::Namespace) {
            String::new()
        } else {
            format!("/namespaces/{}", self.namespace)
        };
        let name = name.map_or_else(String::new, |n| format!("/{n}"));
        let mut path = format!("/{group}{namespace}/{plural}{name}");
        let query: Vec<_> = query.iter().filter(|(_, value)| !value.is_empty()).collect();
        if !query.is_empty() {
            let mut form = url::form_urlencoded::Serializer::new(String::new());
            form.extend_pairs(query);
            path = format!("{path}?{}", form.finish());
        }
        path
    }

    fn send(
        &self,
        what: &str,
        method: Method,
        path: &str,
        content: &str,
        body: Option<&Value>,
    ) -> Result<Answer> {
        let bytes = body.map(|b| b.to_string().into_bytes()).unwrap_or_default();
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", content)
            .header("accept", "application/json")
            .body(bytes)
            .map_err(|e| Error::internal("a request cannot be made").because(e))?;
        let answer = self.runtime.block_on(async {
            tokio::time::timeout(ANSWER_TIMEOUT, self.client.request::<Value>(request)).await
        });
        match answer {
            Ok(Ok(value)) => Ok(Answer::Object(value)),
            Ok(Err(error)) => self.failed(what, error),
            Err(_) => Err(Error::transient(format!("the API server does not answer: cannot {what}"))
                .with("server", &self.server)),
        }
    }

    fn failed(&self, what: &str, error: ::kube::Error) -> Result<Answer> {
        let ::kube::Error::Api(status) = &error else {
            return Err(Error::transient(format!("the API server cannot be reached: cannot {what}"))
                .with("server", &self.server)
                .because(error));
        };
        let said = status.message.clone();
        let kind = match (status.code, status.reason.as_str()) {
            (404, _) if !said.contains("namespaces") => return Ok(Answer::Absent),
            (409, "AlreadyExists") => return Ok(Answer::Exists),
            (401, _) => {
                return Err(Error::stop(format!("{UNKNOWN}: cannot {what}"))
                    .with("server", &self.server)
                    .with("hint", "log in again, or renew the credentials of the kubeconfig"));
            }
            (403, _) if said.contains("exceeded quota") => Kind::Stop,
            (403, _) => {
                return Err(Error::stop(format!("{DENIED} {what}: {said}"))
                    .with("namespace", &self.namespace)
                    .with("hint", "`dp rbac` prints the rights that are needed"));
            }
            (404, _) => {
                return Err(Error::usage(format!("the namespace '{}' does not exist", self.namespace)));
            }
            (400 | 405..=408 | 410..=428 | 431, _) => Kind::Stop,
            _ => Kind::Transient,
        };
        Err(Error::new(kind, format!("cannot {what}: {said}")).with("namespace", &self.namespace))
    }

    /// An object; `None`: it is not there.
    ///
    /// # Errors
    /// `Stop`: not allowed. `Transient`: the server does not answer.
    pub fn get(&self, object: Object, name: &str) -> Result<Option<Value>> {
        let what = format!("look at {} {name}", object.names().2);
        let path = self.path(object, Some(name), &[]);
        Ok(self.send(&what, Method::GET, &path, JSON, None)?.object())
    }

    /// Objects by labels and fields.
    ///
    /// # Errors
    /// As [`Cluster::get`].
    pub fn list(&self, object: Object, select: Select) -> Result<Vec<Value>> {
        let limit = if select.limit == 0 { String::new() } else { select.limit.to_string() };
        let query = [("labelSelector", select.labels), ("fieldSelector", select.fields), ("limit", &limit)];
        let what = format!("list {}", object.names().1);
        let answer = self.send(&what, Method::GET, &self.path(object, None, &query), JSON, None)?.object();
        Ok(match answer.map(|mut list| list["items"].take()) {
            Some(Value::Array(items)) => items,
            _ => Vec::new(),
        })
    }

    /// Makes an object; the server refuses what it does not know of. `dry`: only checks it.
    ///
    /// # Errors
    /// As [`Cluster::get`]; `Stop`: it is refused.
    pub fn create(&self, object: &Value, dry: bool) -> Result<Made> {
        let kind = Object::of(object)?;
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        let what = format!("create {} {name}", kind.names().2);
        let dry = if dry { "All" } else { "" };
        let query = [("fieldValidation", "Strict"), ("fieldManager", "dp"), ("dryRun", dry)];
        match self.send(&what, Method::POST, &self.path(kind, None, &query), JSON, Some(object))? {
            Answer::Object(_) => Ok(Made::New),
            Answer::Exists => Ok(Made::Exists),
            Answer::Absent => {
                Err(Error::stop(format!("cannot {what}: the API server does not know this kind")))
            }
        }
    }

    /// Changes an object by a JSON merge patch; `false`: it is not there.
    ///
    /// # Errors
    /// As [`Cluster::get`].
    pub fn patch(&self, object: Object, name: &str, patch: &Value) -> Result<bool> {
        let what = format!("change {} {name}", object.names().2);
        let path = self.path(object, Some(name), &[("fieldManager", "dp")]);
        let answer = self.send(&what, Method::PATCH, &path, "application/merge-patch+json", Some(patch))?;
        Ok(answer.object().is_some())
    }

    /// Removes an object, and in the background all that it owns; `false`: it was not there.
    ///
    /// # Errors
    /// As [`Cluster::get`].
    pub fn delete(&self, object: Object, name: &str) -> Result<bool> {
        let what = format!("delete {} {name}", object.names().2);
        let body = json!({ "propagationPolicy": "Background" });
        let answer =
            self.send(&what, Method::DELETE, &self.path(object, Some(name), &[]), JSON, Some(&body))?;
        Ok(answer.object().is_some())
    }

    /// Whether the caller may do `verb` with objects of a kind.
    ///
    /// # Errors
    /// As [`Cluster::get`].
    pub fn may(&self, object: Object, verb: &str) -> Result<bool> {
        let (group, plural, _) = object.names();
        let group = group.strip_prefix("apis/").and_then(|g| g.split('/').next()).unwrap_or_default();
        let review = json!({
            "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
            "spec": { "resourceAttributes": {
                "namespace": self.namespace, "verb": verb, "group": group, "resource": plural } },
        });
        let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
        let answer = self.send("ask what is allowed", Method::POST, path, JSON, Some(&review))?.object();
        Ok(answer.is_some_and(|a| a["status"]["allowed"] == true))
    }

    /// Gives each line of a pod's log to `line`, until it answers `false` or the log ends. `follow`: also
    /// those still to come. `false`: there is no such pod, or it has not begun.
    ///
    /// # Errors
    /// As [`Cluster::get`].
    pub fn logs(&self, pod: &str, follow: bool, line: &mut dyn FnMut(&str) -> bool) -> Result<bool> {
        let query = [("container", super::policy::CONTAINER), ("follow", if follow { "true" } else { "" })];
        let path = self.path(Object::Pod, Some(&format!("{pod}/log")), &query);
        let request = Request::builder()
            .uri(path)
            .body(Vec::new())
            .map_err(|e| Error::internal("a request cannot be made").because(e))?;
        self.runtime.block_on(async {
            let stream = match self.client.request_stream(request).await {
                Ok(stream) => stream,
                Err(::kube::Error::Api(status)) if matches!(status.code, 400 | 404) => return Ok(false),
                Err(e) => return self.failed("read the log of a pod", e).map(|_| false),
            };
            let mut lines = stream.lines();
            while let Some(next) = futures::StreamExt::next(&mut lines).await {
                let next = next.map_err(|e| Error::transient("the log of a pod broke off").because(e))?;
                if !line(&next) {
                    break;
                }
            }
            Ok(true)
        })
    }
}

const JSON: &str = "application/json";
const UNKNOWN: &str = "the API server does not know who this is";
const DENIED: &str = "not allowed to";

/// Whether the API server refused a request for want of rights. One that has just been started does so for a
/// moment, until it has read them.
#[must_use]
pub fn is_denied(error: &Error) -> bool {
    error.kind() == Kind::Stop && [UNKNOWN, DENIED].iter().any(|text| error.message().starts_with(text))
}

/// What the server answered.
enum Answer {
    Object(Value),
    Absent,
    Exists,
}

impl Answer {
    fn object(self) -> Option<Value> {
        match self {
            Self::Object(value) => Some(value),
            Self::Absent | Self::Exists => None,
        }
    }
}

fn unusable(what: impl fmt::Display, e: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::usage("the cluster's configuration cannot be used").with("config", what).because(e)
}
