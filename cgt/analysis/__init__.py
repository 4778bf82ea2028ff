"""From prediction files to tables and figures. Reads files only; never imports torch."""
