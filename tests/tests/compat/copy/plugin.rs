//! A plugin built against an SDK copy that has one more field, method and
//! variant. Its transport sends an event of the new kind.

use spacetime_sdk::{
    Answer, Event, Job, Plan, Plot, Port, Question, Result, Spans, Strategy, Transport,
    TransportContext, async_trait,
};

struct SecondHalf(u64);

impl Strategy for SecondHalf {
    type Config = ();

    fn open((): ()) -> Result<Self> {
        Ok(Self(0))
    }

    fn begin(&mut self, _job: &Job, plot: &Plot) -> Result<()> {
        self.0 = plot.leaf_count;
        Ok(())
    }

    fn plan(&mut self, spans: &mut Spans<'_>) -> Result<Plan> {
        let half = self.0 / 2;
        let _ = spans.push(half, self.0 - half);
        Ok(Plan::Done)
    }
}

struct Weatherman;

#[async_trait]
impl Transport for Weatherman {
    type Config = ();

    fn open((): (), _context: &TransportContext) -> Result<Self> {
        Ok(Self)
    }

    fn ask((): (), _context: &TransportContext, question: Question) -> Result<Answer> {
        Ok(Answer::Refused(format!("{question:?} of today is understood")))
    }

    async fn run(&mut self, port: &mut Port) -> Result<()> {
        port.emit(Event::Weather(21)).await?;
        port.emit(Event::Online { detail: "after the weather".to_owned() }).await?;
        while port.next_request().await.is_some() {}
        Ok(())
    }
}

spacetime_sdk::export_plugin! {
    strategy "second-half": SecondHalf, "The second half of each plot";
    transport "weather": Weatherman, "Says something that older hosts do not know";
}
