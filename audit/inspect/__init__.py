"""What a page about a journal shows, as plain data: windows, records, states, reasons. It never writes."""
