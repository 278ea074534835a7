//! SQS: order and exclusion within a group, deduplication, redrive into the dead-letter queue.

use std::time::Duration;

use aws_sdk_sqs::types::Message;

use super::services;
use crate::options::Tuning;
use crate::services::{Queues, Services};

async fn queues(services: &Services, max_receive_count: u32) -> Queues {
    let tuning = Tuning { max_receive_count, function_timeout: Duration::from_secs(30), ..Tuning::default() };
    services.make_queues(&tuning).await.unwrap()
}

async fn send(queues: &Queues, group: &str, body: &str) {
    let send = queues.client.send_message().queue_url(&queues.url).message_group_id(group);
    send.message_deduplication_id(body).message_body(body).send().await.unwrap();
}

async fn receive(queues: &Queues, url: &str) -> Vec<Message> {
    let receive = queues.client.receive_message().queue_url(url).max_number_of_messages(10).wait_time_seconds(0);
    receive.send().await.unwrap().messages.unwrap_or_default()
}

async fn delete(queues: &Queues, message: &Message) {
    let delete = queues.client.delete_message().queue_url(&queues.url);
    delete.receipt_handle(message.receipt_handle().unwrap()).send().await.unwrap();
}

async fn give_back(queues: &Queues, message: &Message) {
    let change = queues.client.change_message_visibility().queue_url(&queues.url).visibility_timeout(0);
    change.receipt_handle(message.receipt_handle().unwrap()).send().await.unwrap();
}

fn bodies(messages: &[Message]) -> Vec<&str> {
    let mut bodies: Vec<&str> = messages.iter().filter_map(Message::body).collect();
    bodies.sort_unstable();
    bodies
}

#[tokio::test]
async fn a_group_is_handed_out_one_by_one_in_order() {
    let (services, _folder) = services().await;
    let queues = queues(&services, 1000).await;
    for body in ["a1", "a2", "b1"] {
        send(&queues, &body[..1], body).await;
    }
    send(&queues, "a", "a1").await;
    let first = receive(&queues, &queues.url).await;
    assert_eq!(bodies(&first), ["a1", "b1"]);
    assert_eq!(receive(&queues, &queues.url).await.len(), 0);
    let a1 = first.iter().find(|message| message.body() == Some("a1")).unwrap();
    delete(&queues, a1).await;
    let second = receive(&queues, &queues.url).await;
    assert_eq!(bodies(&second), ["a2"]);
    delete(&queues, &second[0]).await;
    assert_eq!(receive(&queues, &queues.url).await.len(), 0, "the second a1 was a duplicate");
}

#[tokio::test]
async fn a_message_given_back_keeps_its_place_and_ends_in_the_dead_letter_queue() {
    let (services, _folder) = services().await;
    let queues = queues(&services, 2).await;
    send(&queues, "a", "a1").await;
    send(&queues, "a", "a2").await;
    for _ in 0..2 {
        let got = receive(&queues, &queues.url).await;
        assert_eq!(bodies(&got), ["a1"]);
        give_back(&queues, &got[0]).await;
    }
    // The receive that would exceed the count moves the message instead; the next one finds its successor.
    let mut got = receive(&queues, &queues.url).await;
    if got.is_empty() {
        got = receive(&queues, &queues.url).await;
    }
    assert_eq!(bodies(&got), ["a2"]);
    let dead = receive(&queues, &queues.dead_letters_url).await;
    assert_eq!(bodies(&dead), ["a1"]);
}
