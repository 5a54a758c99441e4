//! Why requests can't be fulfilled together, each of which could be alone.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use resolvo::conflict::{Conflict, ConflictEdge, ConflictNode};
use resolvo::{Solver, UnsolvableOrCancelled};

use super::closure::{Closure, Root};
use super::demands::Ban;
use super::formula::Clause;
use super::hopeless::{link, unmet};
use super::problem::{Cause, Chain, Clash, Problem};
use super::provider::{Form, Provider};
use super::request::Request;
use super::universe::Universe;

/// More causes than this help nobody.
const MOST_CAUSES: usize = 10;

/// Explains why the requests can't be fulfilled together, from as few of them as it takes.
pub(super) fn conflict(universe: &Universe, closure: &Closure, requests: &[Request]) -> Problem {
    let mut provider = Provider::new(universe, closure, Form::Choices);
    provider.tie_tags();
    let mut solver = Solver::new(provider);
    let (places, core) = fewest_requests(universe, closure, &mut solver);
    let roots: Vec<&Root> = places.iter().map(|place| &closure.roots[*place]).collect();
    let chains = core.chains(universe, closure, &roots, requests);
    let mut causes = core.causes(universe, closure, &chains);
    causes.sort();
    causes.dedup();
    causes.truncate(MOST_CAUSES);
    if causes.is_empty() {
        let mut texts: Vec<String> = roots
            .iter()
            .map(|root| requests[root.request].text.clone())
            .collect();
        texts.sort();
        texts.dedup();
        causes.push(Cause::Together { requests: texts });
    }
    Problem { causes }
}

/// Leaves out one request after the other, as long as it still fails.
fn fewest_requests(
    universe: &Universe,
    closure: &Closure,
    solver: &mut Solver<Provider>,
) -> (Vec<usize>, Core) {
    let mut fails = |places: &[usize]| {
        let all = &solver.provider().roots;
        let requirements = places.iter().map(|place| all[*place]).collect();
        match solver.solve(resolvo::Problem::new().requirements(requirements)) {
            Err(UnsolvableOrCancelled::Unsolvable(conflict)) => {
                Some(Core::of(universe, solver, &conflict))
            }
            _ => None,
        }
    };
    let mut places: Vec<usize> = (0..closure.roots.len()).collect();
    let mut core = fails(&places).unwrap_or_default();
    // First all that the conflict never touches, in one go.
    let involved: Vec<usize> = places
        .iter()
        .copied()
        .filter(|place| {
            let any = &closure.roots[*place].clause.any;
            any.is_empty() || any.iter().any(|p| core.packages.contains(p))
        })
        .collect();
    if let Some(smaller) = fails(&involved) {
        (places, core) = (involved, smaller);
    }
    for place in places.clone() {
        let without: Vec<usize> = places.iter().copied().filter(|p| *p != place).collect();
        if let Some(smaller) = fails(&without) {
            (places, core) = (without, smaller);
        }
    }
    (places, core)
}

/// The part of the universe that a conflict is about.
#[derive(Default)]
struct Core {
    packages: BTreeSet<usize>,
    clashes: BTreeSet<(usize, usize)>,
    /// Packages with a requirement that nothing fulfils.
    unmet: BTreeSet<usize>,
    /// Packages that have a condition which matters.
    excluding: BTreeSet<usize>,
}

impl Core {
    fn of(universe: &Universe, solver: &Solver<Provider>, conflict: &Conflict) -> Core {
        let provider = solver.provider();
        let graph = conflict.graph(solver).graph;
        let mut core = Core::default();
        let package = |node: ConflictNode| match node {
            ConflictNode::Solvable(solvable) => provider.package(solvable, universe),
            _ => None,
        };
        for node in graph.node_indices() {
            core.packages.extend(package(graph[node]));
        }
        for edge in graph.edge_indices() {
            let (from, to) = graph.edge_endpoints(edge).expect("an edge of this graph");
            let Some(from) = package(graph[from]) else {
                continue;
            };
            match (graph[edge], graph[to]) {
                (ConflictEdge::Conflict(_), to) => {
                    if let Some(to) = package(to) {
                        core.clashes.insert((from.min(to), from.max(to)));
                    }
                }
                (ConflictEdge::Requires(_), ConflictNode::UnresolvedDependency) => {
                    core.unmet.insert(from);
                }
                (ConflictEdge::Requires(_), ConflictNode::Solvable(to))
                    if provider.is_opposite(to) =>
                {
                    core.excluding.insert(from);
                }
                _ => {}
            }
        }
        core
    }

    /// The shortest way from a request to each package of the core, inside the core.
    fn chains(
        &self,
        universe: &Universe,
        closure: &Closure,
        roots: &[&Root],
        requests: &[Request],
    ) -> BTreeMap<usize, Chain> {
        let mut chains = BTreeMap::new();
        let mut queue = VecDeque::new();
        let mut visit = |clause: &Clause, chain: &Chain, queue: &mut VecDeque<(usize, Chain)>| {
            for &package in clause.any.iter() {
                if self.packages.contains(&package) && !chains.contains_key(&package) {
                    let mut chain = chain.clone();
                    chain.links.push(link(universe, package, clause));
                    chains.insert(package, chain.clone());
                    queue.push_back((package, chain));
                }
            }
        };
        for root in roots {
            visit(
                &root.clause,
                &Chain::of(&requests[root.request]),
                &mut queue,
            );
        }
        while let Some((package, chain)) = queue.pop_front() {
            for clause in closure.of(package).into_iter().flat_map(|d| &d.clauses) {
                visit(clause, &chain, &mut queue);
            }
        }
        chains
    }

    fn causes(
        &self,
        universe: &Universe,
        closure: &Closure,
        chains: &BTreeMap<usize, Chain>,
    ) -> Vec<Cause> {
        let nevra = |package: usize| universe.packages[package].solvable.nevra.clone();
        let mut causes = Vec::new();
        for &(a, b) in &self.clashes {
            let (Some(a_chain), Some(b_chain)) = (chains.get(&a), chains.get(&b)) else {
                continue;
            };
            let (swapped, clash) = clash(closure, a, b);
            let (left, right) = if swapped { (b, a) } else { (a, b) };
            let chains = if swapped {
                (b_chain.clone(), a_chain.clone())
            } else {
                (a_chain.clone(), b_chain.clone())
            };
            causes.push(Cause::Clash {
                left: nevra(left),
                right: nevra(right),
                clash,
                chains: Box::new(chains),
            });
        }
        for (&package, chain) in chains {
            for clause in closure.of(package).into_iter().flat_map(|d| &d.clauses) {
                let none = clause.any.is_empty() && clause.when.is_empty();
                if self.unmet.contains(&package) && none {
                    causes.push(Cause::Unmet {
                        requirement: clause.text.to_string(),
                        unmet: unmet(universe, clause),
                        chain: chain.clone(),
                    });
                }
                if self.excluding.contains(&package) && !clause.when.is_empty() {
                    causes.push(Cause::Beside {
                        package: nevra(package),
                        requirement: clause.text.to_string(),
                        chain: chain.clone(),
                    });
                }
            }
        }
        causes
    }
}

/// Why two packages clash, and whether it is the second that says so.
fn clash(closure: &Closure, a: usize, b: usize) -> (bool, Clash) {
    let said = |by: usize, of: usize| {
        let demands = closure.of(by)?;
        let ban = demands.bans.iter().find(|(other, _)| *other == of)?;
        match &ban.1 {
            Ban::Conflicts(with) => Some(Clash::Conflicts {
                with: with.to_string(),
            }),
            Ban::Obsoletes(what) => Some(Clash::Obsoletes {
                what: what.to_string(),
            }),
            Ban::SameName => None,
        }
    };
    match (said(a, b), said(b, a)) {
        (Some(clash), _) => (false, clash),
        (None, Some(clash)) => (true, clash),
        (None, None) => (false, Clash::SameName),
    }
}
