<?php
// Writes the table beside it: php php_moments.php > php_moments.tsv
date_default_timezone_set('UTC');
$everywhere = [
    'now', 'today', 'midnight', 'noon', 'yesterday', 'tomorrow', 'yesterday noon', 'noon yesterday', 'tomorrow 14:00',
    'first day of this month', 'first day of last month midnight', 'last day of last month', 'last day of february',
    'first day of next month midnight', 'last day of next month 23:59:59', '+1 month', '-1 month', '+1 year', '-1 year',
    '-7 days', '3 days ago midnight', '+2 weeks 3 days', 'monday', 'last monday', 'next friday', 'sunday this week',
    'monday next week', 'monday last week', 'first monday of next month', 'last friday of last month', '+3 weekdays',
    '-5 weekdays', 'third tuesday of february', 'first day of january this year midnight',
];
$once = [
    // Times of day.
    '14:30', '2:30pm', '2.30 PM', '12am', '12 pm', '00:00', '24:00', 'T08:15', 't9', '093015', '0930', '23:59:59.5',
    'back of 7pm', 'back of 19', 'front of 7pm', 'front of 5 am', 'back of 12am', 'front of 0', 'back of 23', 'back of 24',
    'noon tomorrow', 'midnight tomorrow', 'noon now', 'now noon', 'today 10:15:20', '10:00 yesterday', 'yesterday 10:00',
    // Dates.
    '2026-02-28', '2026-02-29', '2024-02-29', '2025-12-31', '26-02-03', '2026-2-3', '2026/02/03', '2/3', '2/3/2026',
    '31.12.2025', '31.12.25', '1-2-2026', '20260228', '2026-03', '2026', '1986', '2026060', '2026.365', '2024-366',
    '2026W10', '2026-W10', '2026-W10-7', '2026W101', '2020-W53-5', '2021W537', 'Feb 28', 'february 29', 'Feb 29 2024',
    '28 February 2026', '28 Feb', '1st march', 'march 2nd', 'March 3rd, 2026', '4th of july', 'May', 'may 2026',
    '2026 may', 'Feb-28-2026', '2026-Feb-28', '28-Feb-2026', '28 II 2026', 'sept 30 99', 'dec 31 10:00', 'Jan 5, 8:15pm',
    '10/Oct/2000:13:55:36 -0700', '2000:01:31 10:20:30', '0000-01-01', '9999-12-30 21:59:59',
    // ISO 8601.
    '2026-02-28T12:13:14Z', '2026-02-28T12:13:14+02:00', '2026-02-28T12:13:14-0530', '2026-02-28T12:13:14.75Z',
    '2026-02-28 12:13:14', '2026-02-28T12:13', '20260228T121314', '20260228t121314', '2026-02-28T23:59:59+00:00 +1 second',
    '2026-02-28T12:13:14 UTC', '2026-02-28T12:13:14 GMT+3', '2026-12-31T23:30:00-01:00',
    // Zones.
    'midnight Europe/Copenhagen', '2026-03-29 02:30 Europe/Copenhagen', '2026-10-25 02:30 Europe/Copenhagen',
    '2026-07-01 America/New_York', 'tomorrow +05:30', '10:00 Z', '10:00 (UTC)', 'noon -3', '@0', '@1126396800', '@-86400',
    '@1126396800 +1 month', '@951782400 UTC', '@1126396800.25',
    // Steps.
    '+1 day', '1 day', '-1 day', '--1 day', '+ 1 day', '- 1 day', '+-1 day', '1 days ago', '+90 minutes', '-90 min',
    '+36 hours', '36 hours ago', '+100 sec', '1 fortnight ago', '+2 fortnights', '-2 week', '+1 week 2 days 4 hours 2 seconds',
    '1 month 1 day ago', '+12 months', '-13 months', '+4 years', '-100 years', '+400 years', '+1 month -1 day',
    '-1 month +1 month', '+1 month first day of', 'first day of +1 month', 'last day of -1 month', '+1000000 seconds',
    'next month', 'last month', 'previous month', 'this month', 'next year', 'last year', 'next day', 'last day', 'this day',
    'next week', 'last week', 'previous week', 'this week', 'second month', 'third day', 'twelfth month', 'eighth week',
    'first day', 'fifth day ago', 'next hour', 'last minute', 'this second', 'sixth fortnight', '3 days ago 2 days',
    '2 days 3 days ago', '0 days', '+0 month', '1 msec ago', '+1500000 usec', 'tenth day midnight',
    // Days of the week.
    'tuesday', 'tue', 'Wednesday 10:00', '10:00 wednesday', 'thursdays', 'this sunday', 'next sunday', 'last sunday',
    'previous saturday', 'first sunday', 'second sunday', '+1 sunday', '+2 sunday', '-1 sunday', '2 mondays ago',
    'monday ago', 'last monday midnight', 'monday this week', 'sunday next week', 'sunday last week', 'this week sunday',
    'next week monday', 'last week friday noon', 'monday 2 weeks ago', 'friday -1 week', 'monday +1 week', 'saturday 23:59:59',
    'first sat of July 2008', 'second wed of march 2026', 'fifth sunday of february 2026', 'last sun of december 2025',
    'last monday of february 2024', 'first friday of january 2026 noon', 'next monday of', 'this monday of', 'previous friday of',
    'first monday of september next year', 'last wednesday of -1 month', 'last friday of this month 17:00',
    '+1 weekday', '1 weekday ago', '-1 weekday', '+5 weekdays', '+6 weekdays', '10 weekdays ago', 'next weekday',
    'last weekday', 'first weekday', '+0 weekday', 'weekday', '+1 weekday midnight', '8 weekdays 2 days',
    // First and last days.
    'first day of', 'last day of', 'first day of january', 'last day of february 2024', 'last day of february 2026',
    'first day of next year', 'last day of previous year', 'last day of this month midnight', 'first day of last month noon',
    'first day of january 2026 00:00', 'last day of december this year 23:59:59', 'last day of feb midnight -1 day',
    'first day of this month -1 second', 'last day of previous month tomorrow', 'first day of midnight 2 months ago',
    'last day of next month noon', 'first day of april', 'LAST DAY OF NOVEMBER', 'First Day Of Last Month Midnight',
    // White space and commas.
    '  tomorrow  ', "tomorrow\t10:00", 'tomorrow, 10:00', '1 day,2 hours', 'tomorrow.', "\xC2\xA0tomorrow", '-7days', '+1day+2hours',
    // What is refused.
    'soon', 'first', 'week', 'blahday', 'tomorrow 10:00 11:00', '2026-01-01 2026-01-02', '25:00', '31 june july', '1 moon ago',
    'now!', '10:00 noon 11:00', 'first day of first', '?', '2026-01-01T00:00:00Z Z Z',
];
$ends = ['2026-01-31T13:14:15Z', '2026-02-28T23:59:59Z', '2024-02-29T12:30:45Z', '2025-12-31T23:59:59Z', '2026-01-01T00:00:00Z'];
$turns = ['2026-01-31T13:14:15Z', '2024-02-29T12:30:45Z', '2025-12-31T23:59:59Z', '2026-03-01T00:00:00Z', '2026-05-31T20:00:00Z', '2026-07-05T03:04:05Z'];
echo '# What PHP ', PHP_VERSION, ' makes of dates in words: now, the text, and strtotime($text, $now) in UTC or "refused".', "\n";
$row = function (string $now, string $text): void {
    $at = strtotime($text, strtotime($now));
    $at = $at === false ? 'refused' : gmdate('Y-m-d\TH:i:s\Z', $at);
    echo $now, "\t", str_replace("\t", '\t', $text), "\t", $at, "\n";
};
foreach ($everywhere as $text) {
    foreach ($ends as $now) {
        $row($now, $text);
    }
}
foreach ($once as $index => $text) {
    $row($turns[$index % count($turns)], $text);
    $row($turns[($index + 2) % count($turns)], $text);
}
