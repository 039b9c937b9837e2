"""Reading turns: finding them among millions, one with everything that is known of it, its texts and its proof."""
