"""Words that every room uses: values, failures and arithmetic, without a look at the world."""
