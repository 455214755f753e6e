//! What an extension registered, checked as the host checks it.

use crate::{Error, jobs, routes, tools};

/// What `init` registered.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Manifest {
    /// The tools.
    pub tools: Vec<tools::Definition>,
    /// The routes.
    pub routes: Vec<routes::Definition>,
    /// The subscriptions: name and topics.
    pub subscriptions: Vec<(String, Vec<String>)>,
    /// The jobs.
    pub jobs: Vec<jobs::Definition>,
}

impl Manifest {
    /// The tool of this name.
    pub fn tool(&self, name: &str) -> Option<&tools::Definition> {
        self.tools.iter().find(|tool| tool.name == name)
    }

    pub(crate) fn add_tool(&mut self, tool: &tools::Definition) -> Result<(), Error> {
        check_name("tool", &tool.name, self.tools.iter().map(|tool| tool.name.as_str()))?;
        if tool.description.trim().is_empty() {
            return Err(Error::invalid_argument(format!(
                "the tool `{}` has no description",
                tool.name
            )));
        }
        if tool.input_schema["type"] != "object" {
            return Err(Error::invalid_argument(format!(
                "the arguments of the tool `{}` are not an object",
                tool.name
            )));
        }
        self.tools.push(tool.clone());
        Ok(())
    }

    pub(crate) fn add_route(&mut self, route: &routes::Definition) -> Result<(), Error> {
        if self
            .routes
            .iter()
            .any(|held| held.method == route.method && held.path == route.path)
        {
            return Err(Error::invalid_argument(format!(
                "the route {} {} exists twice",
                route.method, route.path
            )));
        }
        self.routes.push(route.clone());
        Ok(())
    }

    pub(crate) fn add_subscription(&mut self, name: &str, topics: &[String]) -> Result<(), Error> {
        check_name(
            "subscription",
            name,
            self.subscriptions.iter().map(|held| held.0.as_str()),
        )?;
        if topics.is_empty() {
            return Err(Error::invalid_argument(format!(
                "the subscription `{name}` has no topics"
            )));
        }
        self.subscriptions.push((name.to_owned(), topics.to_vec()));
        Ok(())
    }

    pub(crate) fn add_job(&mut self, job: &jobs::Definition) -> Result<(), Error> {
        check_name("job", &job.name, self.jobs.iter().map(|job| job.name.as_str()))?;
        self.jobs.push(job.clone());
        Ok(())
    }
}

fn check_name<'a>(kind: &str, name: &str, mut others: impl Iterator<Item = &'a str>) -> Result<(), Error> {
    let fits = (1..=64).contains(&name.len())
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'));
    if !fits {
        return Err(Error::invalid_argument(format!(
            "{kind} `{name}`: a name has 1 to 64 of a-z, 0-9, `_` and `-`, and starts with a letter"
        )));
    }
    if others.any(|other| other == name) {
        return Err(Error::invalid_argument(format!("there are two of the {kind} `{name}`")));
    }
    Ok(())
}
