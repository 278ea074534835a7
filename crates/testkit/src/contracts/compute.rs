//! What every place for the processor's work does.

use super::{Broken, Fact, check, equal, that};
use futures::future::join_all;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use waybill_ports::{Compute, compute as run};

/// Checks a place for work.
///
/// # Errors
/// The first fact that does not hold.
pub async fn compute(compute: &dyn Compute) -> Result<(), Broken> {
    check!(compute, "";
        a_job_is_over_when_its_call_is,
        results_belong_to_their_jobs,
        a_job_that_panics_has_no_result_and_others_go_on,
    );
}

async fn a_job_is_over_when_its_call_is(compute: &dyn Compute, _prefix: &str) -> Fact {
    let done = Arc::new(AtomicUsize::new(0));
    for number in 1..=20 {
        let counted = Arc::clone(&done);
        compute.run(Box::new(move || _ = counted.fetch_add(1, Ordering::SeqCst))).await;
        equal(&done.load(Ordering::SeqCst), &number)?;
    }
    Ok(())
}

async fn results_belong_to_their_jobs(compute: &dyn Compute, _prefix: &str) -> Fact {
    let results = join_all((0..200_u64).map(|number| run(compute, move || number * number))).await;
    equal(&results, &(0..200).map(|number| Some(number * number)).collect())
}

async fn a_job_that_panics_has_no_result_and_others_go_on(compute: &dyn Compute, _prefix: &str) -> Fact {
    let nothing = Vec::<u8>::new();
    that(compute.parallelism() > 0, "no job runs at a time")?;
    for _ in 0..2 * compute.parallelism() {
        let nothing = nothing.clone();
        equal(&run(compute, move || nothing[1]).await, &None)?;
    }
    equal(&run(compute, || 7).await, &Some(7))
}
