//! libsolv's own test cases, as far as they install something into an empty system.

use std::collections::BTreeSet;
use std::path::Path;

use crate::support::judge::{ask, names, on};
use crate::support::testcase::Case;
use crate::support::{fixtures, testcase};

/// Every job of these is answered as libsolv answers it.
const AGREES: &[&str] = &[
    "alternative/learnt.t",
    "alternative/recommends.t",
    "alternative/requires.t",
    "choose/default.t",
    "choose/enhanced.t",
    "choose/oldversion.t",
    "choose/suggested.t",
    "choose/versioned.t",
    "choose/versioned2.t",
    "cplxdeps/ifelse_rec.t",
    "recommendations/recommended_conflicts.t",
    "recommendations/recommended_multirepo.t",
    "recommendations/recommended_oldversion.t",
    "recommendations/recommended_targeted.t",
    "recommendations/recommended_version.t",
    "recommendations/suggested_conflicts.t",
    "recommendations/suggested_multirepo.t",
    "recommendations/suggested_oldversion.t",
    "recommendations/suggested_targeted.t",
    "recommendations/suggested_version.t",
    "sat/reuse.t",
    "weakdeps/supplements_implicitobsoleteusescolors.t",
];

/// Why a case says nothing of us.
#[derive(Debug, Clone, Copy)]
enum Other {
    /// Packages are installed already; we always begin with none.
    Installed,
    /// Jobs favour, forbid, lock or exclude packages, or take any of several: nobody can ask us for that.
    /// What else such a file asks is answered as libsolv answers it.
    Jobs,
    /// It ends without a transaction: libsolv's own rules, proofs, selections and ways to write dependencies.
    /// Our rules are judged by a brute-force search in `solve`.
    Insight,
    /// A flag of libsolv changes the rules: priorities of repositories, recommendations as requirements.
    Flag(&'static str),
    /// dnf never asks so, and we go by dnf: for a capability it asks for one of the very packages that provide it,
    /// and a foreign one that is asked for needs no native twin.
    Dnf,
    /// Judged by a test of its own.
    Elsewhere,
}

const OTHERS: &[(&str, Other)] = &[
    ("allowuninstall/conflict.t", Other::Installed),
    ("allowuninstall/forcebest.t", Other::Installed),
    ("alternative/job.t", Other::Jobs),
    (
        "alternative/strongrecommends.t",
        Other::Flag("strongrecommends"),
    ),
    ("alternative/update.t", Other::Installed),
    ("alternative/yumobs.t", Other::Installed),
    ("blacklist/ptf.t", Other::Installed),
    ("blacklist/retracted.t", Other::Installed),
    ("choicerules/choice1.t", Other::Installed),
    ("choicerules/choice1b.t", Other::Installed),
    ("choicerules/choice2.t", Other::Installed),
    ("choicerules/choice2b.t", Other::Installed),
    ("choicerules/choice3.t", Other::Installed),
    ("choicerules/choice3b.t", Other::Installed),
    ("choicerules/choice4.t", Other::Installed),
    ("choicerules/choice5.t", Other::Installed),
    ("choicerules/choice6.t", Other::Installed),
    ("choicerules/choice7.t", Other::Installed),
    ("cleandeps/cleandeps_dup.t", Other::Installed),
    ("cleandeps/cleandeps_in.t", Other::Installed),
    ("cleandeps/cleandeps_up.t", Other::Installed),
    ("cleandeps/cleandeps_up3.t", Other::Installed),
    ("cleandeps/mistake.t", Other::Installed),
    ("cplxdeps/and.t", Other::Insight),
    ("cplxdeps/andor.t", Other::Insight),
    ("cplxdeps/if.t", Other::Insight),
    ("cplxdeps/ifelse.t", Other::Insight),
    ("cplxdeps/or.t", Other::Insight),
    ("cplxdeps/orand.t", Other::Insight),
    ("distupgrade/dup_allowuninstall.t", Other::Installed),
    ("distupgrade/dup_multiversion1.t", Other::Installed),
    ("distupgrade/dup_multiversion2.t", Other::Installed),
    ("distupgrade/dup_multiversion3.t", Other::Installed),
    ("distupgrade/dup_noarchchange.t", Other::Installed),
    ("distupgrade/dup_orphan1.t", Other::Installed),
    ("distupgrade/dup_orphan2.t", Other::Installed),
    ("distupgrade/dup_orphan3.t", Other::Installed),
    ("evrcmp/caret.t", Other::Insight),
    ("evrcmp/testevr.t", Other::Elsewhere),
    (
        "excludefromweak/excludefromweak-obsoletes.t",
        Other::Installed,
    ),
    ("excludefromweak/excludefromweak.t", Other::Jobs),
    ("favor/recommends.t", Other::Jobs),
    ("favor/recommends2.t", Other::Jobs),
    ("favor/requires.t", Other::Jobs),
    ("favor/single.t", Other::Jobs),
    ("favor/supplements.t", Other::Jobs),
    ("focus/best.t", Other::Installed),
    ("focus/installed.t", Other::Installed),
    ("focus/new1.t", Other::Installed),
    ("focus/new2.t", Other::Installed),
    ("focus/normal.t", Other::Installed),
    ("forcebest/forcebest_dup.t", Other::Installed),
    ("forcebest/forcebest_in.t", Other::Installed),
    (
        "forcebest/forcebest_multiarch_implicitobsoleteusescolors.t",
        Other::Installed,
    ),
    ("forcebest/forcebest_up.t", Other::Installed),
    ("lock/best.t", Other::Installed),
    ("lock/dup.t", Other::Installed),
    ("lockstep/infarch_install_best.t", Other::Installed),
    ("lockstep/lockstep_install.t", Other::Dnf),
    ("lockstep/lockstep_update.t", Other::Installed),
    ("multiversion/multiversion.t", Other::Installed),
    ("multiversion/update.t", Other::Installed),
    ("multiversion/update2.t", Other::Installed),
    ("namespace/namespaceprovides.t", Other::Installed),
    ("proof/pubg1.t", Other::Insight),
    ("proof/pubg2.t", Other::Insight),
    ("sat/assert.t", Other::Installed),
    ("sat/mm-test.t", Other::Installed),
    ("selection/debian.t", Other::Insight),
    ("selection/selection_canon_rpm.t", Other::Insight),
    ("selection/selection_filelist.t", Other::Insight),
    ("selection/selection_matchdeps.t", Other::Insight),
    ("selection/selection_matchsolvable.t", Other::Insight),
    ("selection/selection_name.t", Other::Insight),
    ("selection/selection_provides.t", Other::Insight),
    (
        "strictrepoprio/strictrepoprio.t",
        Other::Flag("strictrepopriority"),
    ),
    ("strongrecommends/break.t", Other::Installed),
    ("strongrecommends/disfavored.t", Other::Installed),
    ("strongrecommends/strongr.t", Other::Installed),
    ("suse/susedep.t", Other::Insight),
    ("targeted/targeted_color.t", Other::Installed),
    ("targeted/targeted_dup.t", Other::Installed),
    ("targeted/targeted_up.t", Other::Installed),
    ("testcase/nested.t", Other::Insight),
    ("testcase/str2dep.t", Other::Insight),
    ("whatprovideswithdisabled/dup.t", Other::Installed),
    ("whatprovideswithdisabled/dup2.t", Other::Installed),
    ("whatprovideswithdisabled/forcebest_in.t", Other::Installed),
    ("whatprovideswithdisabled/forcebest_up.t", Other::Installed),
    ("yumobs/split.t", Other::Installed),
    ("yumobs/split2.t", Other::Installed),
];

/// Our answer, with weak dependencies or without.
fn answer(case: &Case, weak: bool, path: &str) -> BTreeSet<String> {
    let arch = match case.arch.as_str() {
        "unset" | "" => "x86_64",
        arch => arch,
    };
    let install: Vec<&str> = case.install.iter().map(String::as_str).collect();
    match on(arch, &case.records, &install, weak) {
        Ok(solution) => names(&case.records, &solution).into_iter().collect(),
        Err(problem) => panic!("{path}: {problem}"),
    }
}

fn agrees(case: &Case, path: &str) {
    let installed: BTreeSet<String> = case.installed.iter().cloned().collect();
    let ignores = case.flags.iter().any(|flag| flag == "ignorerecommended");
    assert_eq!(answer(case, !ignores, path), installed, "{path}");
    if ignores {
        let both = installed.iter().chain(&case.recommended).cloned().collect();
        assert_eq!(
            answer(case, true, path),
            both,
            "{path}, weak dependencies too"
        );
    }
}

#[test]
fn libsolv_agrees_in_its_own_test_cases() {
    let Some(all) = fixtures::folder("repos/libsolv-testcases") else {
        return;
    };
    let mut jobs = 0;
    for path in AGREES {
        for case in testcase::read(&all.join(path)) {
            assert!(case.expects && case.other_jobs.is_empty() && case.system.is_empty());
            agrees(&case, path);
            jobs += 1;
        }
    }
    for (path, _) in OTHERS.iter().filter(|(_, why)| matches!(why, Other::Jobs)) {
        for case in testcase::read(&all.join(path)) {
            if case.other_jobs.is_empty() && !case.install.is_empty() {
                agrees(&case, path);
                jobs += 1;
            }
        }
    }
    assert_eq!(jobs, 25);
}

#[test]
fn libsolvs_other_test_cases_are_about_what_we_do_not_do() {
    let Some(all) = fixtures::folder("repos/libsolv-testcases") else {
        return;
    };
    let listed = AGREES.iter().chain(OTHERS.iter().map(|(path, _)| path));
    let listed: BTreeSet<String> = listed.map(|path| (*path).to_owned()).collect();
    assert_eq!(listed.len(), AGREES.len() + OTHERS.len());
    assert_eq!(listed, cases(&all));
    for (path, why) in OTHERS {
        let cases = testcase::read(&all.join(path));
        let holds = match why {
            Other::Installed => cases.iter().all(|case| !case.system.is_empty()),
            Other::Jobs => cases.iter().any(|case| !case.other_jobs.is_empty()),
            Other::Insight => cases.iter().all(|case| !case.expects),
            Other::Flag(flag) => cases
                .iter()
                .all(|case| case.flags.iter().any(|f| f == flag)),
            Other::Dnf => cases.iter().all(|case| {
                let theirs: BTreeSet<String> = case.installed.iter().cloned().collect();
                answer(case, false, path) != theirs
            }),
            Other::Elsewhere => true,
        };
        assert!(holds, "{path}: {why:?}");
    }
}

/// The cases of the folder, as `FOLDER/FILE`.
fn cases(all: &Path) -> BTreeSet<String> {
    walkdir::WalkDir::new(all)
        .into_iter()
        .map(|entry| entry.unwrap().into_path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "t"))
        .map(|path| path.strip_prefix(all).unwrap().display().to_string())
        .collect()
}

/// libsolv's table of version comparisons: which packages have to go when one comes that conflicts with some of them.
#[test]
fn libsolv_agrees_which_versions_match() {
    let Some(all) = fixtures::folder("repos/libsolv-testcases") else {
        return;
    };
    let cases = testcase::read(&all.join("evrcmp/testevr.t"));
    assert!(cases.len() >= 10);
    for case in cases {
        for place in &case.system {
            let package = case.records[*place].nevra.to_string();
            let both = ask(&case.records, &[&case.install[0], &package], false);
            assert_eq!(
                both.is_err(),
                case.erased.contains(&package),
                "{} beside {package}",
                case.install[0]
            );
        }
    }
}
